use super::*;
use chrono::TimeZone;
use platform::testing::Scratch;

fn at(day: u32, hour: u32) -> Option<DateTime<Local>> {
    Some(Local.with_ymd_and_hms(2026, 1, day, hour, 0, 0).unwrap())
}

/// The files in a folder and what is in them, sorted.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    all.sort();
    all
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_file_is_appended_to_or_begun_anew() {
    let scratch = Scratch::new("log-append");
    let path = scratch.0.join("a.log");
    fs::write(&path, "old\n").unwrap();
    let mut file = LogFile::new(&path, true, Rotation::Never);
    file.write(at(1, 0), "one\n").unwrap();
    assert_eq!(contents(&scratch.0), pairs(&[("a.log", "old\none\n")]));
    let mut file = LogFile::new(&path, false, Rotation::Never);
    file.write(at(1, 0), "two\n").unwrap();
    assert_eq!(contents(&scratch.0), pairs(&[("a.log", "two\n")]));
}

#[test]
fn a_full_file_is_put_aside() {
    let scratch = Scratch::new("log-size");
    let path = scratch.0.join("a.log");
    let rotation = Rotation::BySize { max_bytes: 5, backups: 2 };
    let mut file = LogFile::new(&path, true, rotation);
    for line in ["1111\n", "2\n", "333333\n", "444444\n", "5\n"] {
        file.write(at(1, 0), line).unwrap();
    }
    let expected = [("a.log", "5\n"), ("a.log.1", "444444\n"), ("a.log.2", "333333\n")];
    assert_eq!(contents(&scratch.0), pairs(&expected));

    let path = scratch.0.join("b.log");
    let mut file = LogFile::new(&path, true, Rotation::BySize { max_bytes: 5, backups: 0 });
    for line in ["111111\n", "2\n"] {
        file.write(at(1, 0), line).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), "2\n");
    assert_eq!(contents(&scratch.0).len(), 4);
}

#[test]
fn a_new_day_begins_a_new_file() {
    let scratch = Scratch::new("log-day");
    let path = scratch.0.join("a.log");
    let rotation = Rotation::ByTime { format: "%Y-%m-%d", backups: 3 };
    let mut file = LogFile::new(&path, false, rotation);
    file.reopen().unwrap();
    file.period = file.period_of(at(1, 0).unwrap());
    for (day, line) in [(1, "a\n"), (1, "b\n"), (2, "c\n"), (5, "d\n")] {
        file.write(at(day, 9), line).unwrap();
    }
    let expected = [("a.log", "d\n"), ("a.log.2026-01-01", "a\nb\n"), ("a.log.2026-01-02", "c\n")];
    assert_eq!(contents(&scratch.0), pairs(&expected));
    // The clock is put back: what is there is kept under a number.
    file.write(at(2, 9), "e\n").unwrap();
    file.write(at(5, 9), "f\n").unwrap();
    file.write(at(6, 9), "g\n").unwrap();
    let names: Vec<String> = contents(&scratch.0).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "a.log",
        "a.log.2026-01-01",
        "a.log.2026-01-02",
        "a.log.2026-01-02.1",
        "a.log.2026-01-05",
        "a.log.2026-01-05.1",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_file_of_an_earlier_day_is_put_aside_at_the_start() {
    let scratch = Scratch::new("log-earlier");
    let path = scratch.0.join("a.log");
    fs::write(&path, "old\n").unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(at(1, 12).unwrap().into()).unwrap();
    let rotation = Rotation::ByTime { format: "%Y-%m-%d", backups: 3 };
    let mut file = LogFile::new(&path, true, rotation);
    file.write(at(2, 0), "new\n").unwrap();
    let expected = [("a.log", "new\n"), ("a.log.2026-01-01", "old\n")];
    assert_eq!(contents(&scratch.0), pairs(&expected));
}

#[test]
fn a_file_that_cannot_be_opened_is_tried_again() {
    let scratch = Scratch::new("log-later");
    let folder = scratch.0.join("folder");
    let mut file = LogFile::new(&folder.join("a.log"), true, Rotation::Never);
    assert!(file.write(at(1, 0), "lost\n").is_err());
    fs::create_dir(&folder).unwrap();
    assert!(file.write(at(1, 0), "too soon\n").is_err());
    file.last_tried = file.last_tried.map(|tried| tried - TRY_AGAIN);
    file.write(at(1, 0), "there\n").unwrap();
    assert_eq!(contents(&folder), pairs(&[("a.log", "there\n")]));
}

#[test]
fn a_renamed_file_is_left_alone_once_it_is_opened_again() {
    let scratch = Scratch::new("log-renamed");
    let (path, aside) = (scratch.0.join("a.log"), scratch.0.join("a.log.1"));
    let mut file = LogFile::new(&path, false, Rotation::Never);
    file.write(at(1, 0), "one\n").unwrap();
    fs::rename(&path, &aside).unwrap();
    file.write(at(1, 0), "two\n").unwrap();
    file.reopen().unwrap();
    file.write(at(1, 0), "three\n").unwrap();
    // Nobody renamed it: nothing is cut off.
    file.reopen().unwrap();
    file.write(at(1, 0), "four\n").unwrap();
    let expected = [("a.log", "three\nfour\n"), ("a.log.1", "one\ntwo\n")];
    assert_eq!(contents(&scratch.0), pairs(&expected));
}

#[test]
fn a_file_that_cannot_be_opened_again_is_written_on() {
    let scratch = Scratch::new("log-stays");
    let (folder, aside) = (scratch.0.join("folder"), scratch.0.join("aside"));
    fs::create_dir(&folder).unwrap();
    let mut file = LogFile::new(&folder.join("a.log"), true, Rotation::Never);
    file.write(at(1, 0), "one\n").unwrap();
    fs::rename(&folder, &aside).unwrap();
    assert!(file.reopen().is_err());
    file.write(at(1, 0), "two\n").unwrap();
    assert_eq!(contents(&aside), pairs(&[("a.log", "one\ntwo\n")]));
}
