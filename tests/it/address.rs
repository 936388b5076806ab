//! Notes to a session, a branch or a task are shown to the receiver, once.

use crate::support::Workspace;

#[test]
fn a_note_is_shown_once_to_whom_it_is_for() {
    let w = Workspace::git();
    let (ada, bob, eve) = (w.session("ada"), w.session("bob"), w.session("eve"));
    let task = bob.add("task", "Rotate the keys");
    bob.ok(&["start", &task]);
    ada.add_with("note", "the staging key is new", &["--to", "bob"]);
    ada.add_with("note", "do not forget the backup key", &["--to", &task, "--body", "It is in the vault."]);
    ada.add_with("note", "schema seven lands first", &["--to", "main"]);

    let shown = bob.ok(&["resume", "--full"]);
    for words in ["For you", "the staging key is new", "do not forget the backup key", "> It is in the vault.", "seven"]
    {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    for reader in [&bob, &ada, &eve] {
        let shown = reader.ok(&["resume", "--full"]);
        assert!(!shown.contains("For you"), "{shown}");
    }
    assert_eq!(w.search(&["kind:note", "key"]).len(), 2, "what was shown is still found");
}

#[test]
fn a_note_is_not_shown_to_its_author_nor_to_others() {
    let w = Workspace::git();
    let (ada, bob, eve) = (w.session("ada"), w.session("bob"), w.session("eve"));
    bob.add("task", "begin");
    ada.add_with("note", "only for bob", &["--to", "bob"]);
    for other in [&ada, &eve] {
        assert!(!other.ok(&["resume", "--full"]).contains("For you"));
    }
    assert!(bob.ok(&["resume"]).contains("only for bob"));
}

#[test]
fn nobody_is_told_what_is_wrong_with_an_address() {
    let w = Workspace::git();
    let finding = w.add("finding", "the lock is per process");
    for (to, code, words) in [
        ("nobody-here", 1, "no session, task or branch"),
        (finding.as_str(), 2, "reads no notes"),
        ("../main", 1, "no session, task or branch"),
        ("", 1, "no session, task or branch"),
    ] {
        assert!(w.fails(code, &["add", "note", "x", "--to", to]).contains(words), "{to}");
    }
    assert!(w.fails(2, &["add", "task", "x", "--to", "main"]).contains("addressed to nobody"));
    assert_eq!(w.search(&["kind:note"]).len(), 0, "nothing half-way");
}
