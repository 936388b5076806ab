//! Plain files beside the database, and what the file system says about the place.

use crate::error::{Error, Result};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of a file that is being written starts with this; one that stays was left by a killed process.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// Replaces the file at `path` by `bytes`, readable by the user alone. Durable when it returns; a crash leaves the old
/// file or the new one, whole. A symbolic link is replaced, not followed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |file| file.write_all(bytes).map_err(|error| cannot_write(path, error)))
}

/// As [`write_atomic`], for a content too long for memory: `fill` writes it. What `fill` returns as an error leaves the
/// old file as it was.
pub fn write_atomic_with<T>(path: &Path, fill: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    write_atomic_as(TEMPORARY_PREFIX, path, fill)
}

/// As [`write_atomic_with`], with the start of the name that the file has while it is written: in a folder of others, what a
/// killed process leaves must be known as ours.
pub fn write_atomic_as<T>(prefix: &str, path: &Path, fill: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    let dir = parent(path);
    let (temporary, mut file) = create_temporary(dir, prefix).map_err(|error| cannot_write(path, error))?;
    let written = fill(&mut file).and_then(|value| {
        let renamed = file.sync_all().and_then(|()| fs::rename(&temporary, path));
        renamed.map(|()| value).map_err(|error| cannot_write(path, error))
    });
    if written.is_err() {
        // The first error is the one to tell; a leftover can be recognised by its name.
        let _ = fs::remove_file(&temporary);
    }
    let value = written?;
    sync_dir(dir).map_err(|error| cannot_write(path, error))?;
    Ok(value)
}

/// As [`write_atomic`], but durable only after [`sync_all_below`]: for many files that can be made again.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let (temporary, mut file) =
        create_temporary(parent(path), TEMPORARY_PREFIX).map_err(|error| cannot_write(path, error))?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell; a leftover can be recognised by its name.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(|error| cannot_write(path, error))
}

/// Makes everything durable that was written to the file system of a directory, where the system can do that at once.
pub fn sync_all_below(dir: &Path) -> Result<()> {
    let opened = File::open(dir).map_err(|error| cannot_write(dir, error))?;
    #[cfg(target_os = "linux")]
    let synced = rustix::fs::syncfs(&opened).map_err(io::Error::from);
    #[cfg(not(target_os = "linux"))]
    let synced = opened.sync_all();
    synced.map_err(|error| cannot_write(dir, error))
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot write {}", path.display()), error)
}

/// Creates the directory at `path` and the missing ones above it, for the user alone. Durable when it returns. What
/// exists keeps its mode: it may be a directory that the user chose.
pub fn create_private_dir(path: &Path) -> Result<()> {
    let fail = |error| Error::io(format!("cannot create the directory {}", path.display()), error);
    let missing: Vec<&Path> = path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
    missing.into_iter().try_for_each(|dir| sync_dir(parent(dir))).map_err(fail)
}

/// Renames within a directory and makes that durable.
pub fn rename_durably(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .and_then(|()| sync_dir(parent(to)))
        .map_err(|error| Error::io(format!("cannot rename {}", from.display()), error))
}

/// Whether this process may create files in a directory.
#[must_use]
pub fn is_writable(dir: &Path) -> bool {
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok()
}

/// What the operating system calls this machine; `None` if it does not. Not to be shown or sent elsewhere.
#[must_use]
pub fn machine_id() -> Option<String> {
    machine_id_in(["/etc/machine-id", "/var/lib/dbus/machine-id"].map(Path::new))
}

fn machine_id_in(files: [&Path; 2]) -> Option<String> {
    files.into_iter().find_map(|file| {
        let id = fs::read_to_string(file).ok()?.trim().to_owned();
        // An image that has not booted yet says `uninitialized`.
        (!id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
    })
}

/// Bytes that this user can still write on the file system of `dir`; `None` if the system does not tell.
#[must_use]
pub fn free_bytes(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The user as whom this process reads and writes.
#[must_use]
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The number of the file at `path` on its file system: a copy has another one.
#[must_use]
pub fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// The name of the file system under `path`, or under what exists of it, if other machines or the host of this one can
/// write there too: locks do not hold between them. `None`: a local one, or the system does not tell.
#[must_use]
pub fn filesystem_is_shared(path: &Path) -> Option<&'static str> {
    let path = std::path::absolute(path).ok()?;
    shared_name(path.ancestors().find(|ancestor| ancestor.exists())?)
}

#[cfg(target_os = "linux")]
fn shared_name(existing: &Path) -> Option<&'static str> {
    let stat = rustix::fs::statfs(existing).ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "32 bits hold every magic number; width and sign of the field differ by architecture"
    )]
    let magic = stat.f_type as u32;
    if magic != FUSE {
        return name_of_magic(magic);
    }
    let device = fs::metadata(existing).ok()?.dev();
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    name_of_fuse(mount_type(&String::from_utf8_lossy(&mounts), device))
}

#[cfg(not(target_os = "linux"))]
fn shared_name(_existing: &Path) -> Option<&'static str> {
    None
}

/// virtiofs has the number of FUSE; only the list of mounts tells them apart.
#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

/// The numbers are those of statfs(2).
#[cfg(target_os = "linux")]
fn name_of_magic(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x0102_1997 => "9p",
        0x517b | 0xfe53_4d42 => "SMB",
        0xff53_4d42 => "CIFS",
        0x00c3_6400 => "Ceph",
        0x5346_414f => "AFS",
        0x0bd0_0bd0 => "Lustre",
        0x786f_4256 => "VirtualBox shared folder",
        0xbacb_acbc => "VMware shared folder",
        _ => return None,
    })
}

/// A FUSE file system that is not known to be local is taken as shared.
#[cfg(target_os = "linux")]
fn name_of_fuse(mount_type: Option<&str>) -> Option<&'static str> {
    const LOCAL: [&str; 8] = [
        "fuseblk",
        "fuse.fuse-overlayfs",
        "fuse.gocryptfs",
        "fuse.encfs",
        "fuse.cryfs",
        "fuse.bindfs",
        "fuse.mergerfs",
        "fuse.ntfs-3g",
    ];
    match mount_type {
        Some("virtiofs") => Some("virtiofs"),
        Some("fuse.sshfs") => Some("sshfs"),
        Some(local) if LOCAL.contains(&local) => None,
        _ => Some("FUSE"),
    }
}

/// The type of the file system on `device`. A line is `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE …`.
#[cfg(target_os = "linux")]
fn mount_type(mountinfo: &str, device: u64) -> Option<&str> {
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let line = mountinfo.lines().find(|line| line.split(' ').nth(2) == Some(&device))?;
    line.split_once(" - ")?.1.split(' ').next()
}

/// The directory that holds `path`.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn create_temporary(dir: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{prefix}{}-{number}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            // Left by a killed process that had our pid.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
}

/// Makes names created in `dir` durable, as far as the file system can.
fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_replaces_the_file_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("exit.json");
        fs::write(&path, "a longer old text").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(dir.path()), ["exit.json"]);
    }

    #[test]
    fn a_failed_write_names_the_file_and_cleans_up() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let error = write_atomic(&taken, b"x").unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot write {}: ", taken.display())), "{error}");
        assert_eq!(names(dir.path()), ["taken"]);
        for nowhere in ["missing/file", "", "/"] {
            let path = if nowhere == "/" { PathBuf::from("/") } else { dir.path().join(nowhere) };
            assert!(write_atomic(&path, b"x").is_err(), "{nowhere}");
        }
    }

    #[test]
    fn leftovers_of_a_killed_process_do_not_stop_a_write() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..200 {
            fs::write(dir.path().join(format!("{TEMPORARY_PREFIX}{}-{number}", std::process::id())), "").unwrap();
        }
        let path = dir.path().join("file");
        write_atomic(&path, b"x").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"x");
    }

    #[test]
    fn a_link_is_replaced_and_its_target_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "kept").unwrap();
        symlink(&target, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert_eq!((fs::read(&target).unwrap(), fs::read(&link).unwrap()), (b"kept".to_vec(), b"new".to_vec()));
        assert!(!link.is_symlink());
    }

    #[test]
    fn new_directories_are_private_and_old_ones_keep_their_mode() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("old");
        fs::create_dir(&old).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
        let path = old.join("a b/state");
        create_private_dir(&path).unwrap();
        create_private_dir(&path).unwrap();
        assert_eq!([&old, &old.join("a b"), &path].map(|dir| mode(dir)), [0o755, 0o700, 0o700]);
        fs::write(path.join("file"), "").unwrap();
        assert!(create_private_dir(&path.join("file")).is_err());
        assert!(create_private_dir(&path.join("file/below")).is_err());
    }

    #[test]
    fn the_first_usable_machine_id_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        let found = || machine_id_in([&first, &second]);
        assert_eq!(found(), None);
        fs::write(&second, "0123abcd\n").unwrap();
        for unusable in ["", "\n", "uninitialized\n"] {
            fs::write(&first, unusable).unwrap();
            assert_eq!(found().as_deref(), Some("0123abcd"), "{unusable}");
        }
        fs::write(&first, "ff00\n").unwrap();
        assert_eq!(found().as_deref(), Some("ff00"));
    }

    #[test]
    fn a_copy_has_another_inode() {
        let dir = tempfile::tempdir().unwrap();
        let (original, copy, moved) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
        fs::write(&original, "x").unwrap();
        fs::copy(&original, &copy).unwrap();
        let before = inode(&original).unwrap();
        assert_ne!(Some(before), inode(&copy));
        fs::rename(&original, &moved).unwrap();
        assert_eq!((Some(before), None), (inode(&moved), inode(&original)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn local_and_shared_file_systems_are_told_apart() {
        assert_eq!(filesystem_is_shared(Path::new("/proc/not/there")), None);
        assert_eq!([0x6969, 0x0102_1997, 0xef53].map(name_of_magic), [Some("NFS"), Some("9p"), None]);
        let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      40 22 0:51 / /mnt/a\\040b rw,noatime shared:7 - virtiofs tag rw\n\
                      41 22 0:52 / /x rw - fuse.fuse-overlayfs o rw\n";
        let name = |minor| name_of_fuse(mount_type(mounts, rustix::fs::makedev(0, minor)));
        assert_eq!([51, 52, 53].map(name), [Some("virtiofs"), None, Some("FUSE")]);
        assert_eq!(mount_type(mounts, rustix::fs::makedev(254, 0)), Some("ext4"));
    }
}
