use crate::error::{Error, Result};
use std::path::Path;
pub fn create_private_dir(path:&Path)->Result<()> { std::fs::create_dir_all(path).map_err(|e|Error::io("dir",e)) }
pub fn write_atomic(path:&Path, bytes:&[u8])->Result<()> { std::fs::write(path,bytes).map_err(|e|Error::io("w",e)) }
pub fn rename_durably(a:&Path,b:&Path)->Result<()> { std::fs::rename(a,b).map_err(|e|Error::io("w",e)) }
pub fn machine_id()->Option<String>{None}
pub fn inode(_p:&Path)->Option<u64>{None}
pub fn filesystem_is_shared(_p:&Path)->Option<&'static str>{None}
