use super::*;

const FILE: &str = "log4cplus.rootLogger = DEBUG, f\n\
    log4cplus.appender.f = log4cplus::FileAppender\n\
    log4cplus.appender.f.File = a.log\n";

fn config(more: &str) -> LogConfig {
    LogConfig::parse(&format!("{FILE}{more}")).unwrap()
}

fn problems(more: &str) -> Vec<String> {
    config(more).problems
}

#[test]
fn what_is_no_configuration_is_refused() {
    for (text, fault) in [
        ("", LogConfigFault::Empty),
        ("# a = b\nlog4cplus.rootLogger\n", LogConfigFault::Empty),
        ("a = b\n", LogConfigFault::NoLogging),
        ("log4cplus.rootlogger = INFO\n", LogConfigFault::NoRootLogger),
        ("log4cplus.rootLogger = SOME, a\n", LogConfigFault::RootLevel),
        ("log4cplus.rootLogger =\n", LogConfigFault::RootLevel),
        ("log4cplus.rootLogger = INHERIT\n", LogConfigFault::RootLevel),
    ] {
        assert_eq!(LogConfig::parse(text), Err(fault), "{text}");
    }
    assert_eq!(LogConfig::read(Path::new("/nonexistent")), Err(LogConfigFault::Missing));
    assert_eq!(LogConfig::read(Path::new("/")), Err(LogConfigFault::Missing));
}

#[test]
fn the_example_of_the_manual_is_a_configuration() {
    let manual = include_str!("../../../../../docs/operations.md");
    let (_, text) = manual.split_once("```properties\n").expect("an example");
    let (text, _) = text.split_once("```").expect("its end");
    let config = LogConfig::parse(text).unwrap();
    assert!(config.problems.is_empty(), "{:?}", config.problems);
    assert_eq!((config.appenders.len(), config.level()), (2, Some(LogLevel::Info)));
}

#[test]
fn loggers_inherit_levels_and_appenders() {
    let more = "log4cplus.logger.dcmtk = WARN\n\
        log4cplus.logger.dcmtk.dcmdata = INHERIT, f\n\
        log4cplus.logger.dcmtk.dcmnet = TRACE, f\n\
        log4cplus.additivity.dcmtk.dcmnet = false\n\
        log4cplus.logger.dcmtk.apps = OFF\n\
        log4cplus.logger.dcmtk.apps.storescp.progress = INFO\n";
    let config = config(more);
    let expected = [
        (Some(LogLevel::Debug), vec![0]),
        (None, vec![0]),
        (Some(LogLevel::Trace), vec![0]),
        (Some(LogLevel::Warn), vec![0, 0]),
        (Some(LogLevel::Warn), vec![0]),
    ];
    let routes: Vec<_> = config.routes.iter().map(|it| (it.level, it.appenders.clone())).collect();
    assert_eq!(routes, expected);
    assert_eq!((config.level(), config.progress), (None, Some(LogLevel::Info)));
    assert!(config.problems.is_empty(), "{:?}", config.problems);
}

#[test]
fn appenders_of_all_kinds() {
    let target = |more: &str| config(more).appenders.remove(0).target;
    let file = |append, rotation| Target::File { path: "a.log".into(), append, rotation };
    let class = |name: &str| format!("log4cplus.appender.f = log4cplus::{name}\n");
    let key = "log4cplus.appender.f.";
    assert_eq!(target(""), file(false, Rotation::Never));
    assert_eq!(target(&format!("{key}Append = TRUE")), file(true, Rotation::Never));
    assert_eq!(target(&class("NullAppender")), Target::Nowhere);
    assert_eq!(target(&class("ConsoleAppender")), Target::StandardOutput);
    let console = format!("{}{key}logToStdErr = 1", class("ConsoleAppender"));
    assert_eq!(target(&console), Target::StandardError);
    for (options, max_bytes, backups) in [
        ("", 10 << 20, 1),
        ("MaxFileSize = 500KB", 500 << 10, 1),
        ("MaxFileSize = 5 mb", 5 << 20, 1),
        ("MaxFileSize = 12345", 12345, 1),
        ("MaxBackupIndex = 7", 10 << 20, 7),
    ] {
        let text = format!("{}{key}{options}", class("RollingFileAppender"));
        assert_eq!(target(&text), file(true, Rotation::BySize { max_bytes, backups }), "{options}");
    }
    for (schedule, format) in [
        ("", "%Y-%m-%d"),
        ("MONTHLY", "%Y-%m"),
        ("twice_daily", "%Y-%m-%d-%p"),
        ("minutely", "%Y-%m-%d-%H-%M"),
    ] {
        let text = format!("{}{key}Schedule = {schedule}", class("DailyRollingFileAppender"));
        let rotation = Rotation::ByTime { format, backups: 10 };
        assert_eq!(target(&text), file(false, rotation), "{schedule}");
    }
}

#[test]
fn what_is_not_obeyed_is_told_with_its_line() {
    for (more, expected) in [
        ("log4cplus.rootLogger = DEBUG, f, g", "line 4: there is no appender 'g'"),
        ("log4cplus.logger.dcmtk = SOME", "line 4: invalid log level 'SOME'"),
        ("log4cplus.appender.f.Threshold = SOME", "line 4: invalid log level 'SOME'"),
        (
            "log4cplus.appender.f.threshold = INFO",
            "line 4: 'log4cplus.appender.f.threshold' is not known, but 'log4cplus.appender.f.Threshold' is",
        ),
        ("log4cplus.appender.f.Colour = red", "line 4: 'log4cplus.appender.f.Colour' is not known"),
        ("log4cplus.configDebug = true", "line 4: 'log4cplus.configDebug' is not known"),
        (
            "log4cplus.appender.f.layout = log4cplus::Other",
            "line 4: layout 'log4cplus::Other' is not supported",
        ),
        (
            "log4cplus.appender.f.layout = log4cplus::PatternLayout",
            "line 4: the layout has no ConversionPattern",
        ),
        (
            "log4cplus.appender.f.filters.1 = log4cplus::spi::Other",
            "line 4: filter 'log4cplus::spi::Other' is not supported",
        ),
        (
            "log4cplus.appender.s = log4cplus::SysLogAppender",
            "line 4: appender 'log4cplus::SysLogAppender' is not supported",
        ),
        (
            "log4cplus.appender.s = ConsoleAppender",
            "line 4: appender 'ConsoleAppender' is not supported",
        ),
    ] {
        assert_eq!(problems(more), [expected], "{more}");
    }
    let pattern = "log4cplus.appender.f.layout = log4cplus::PatternLayout\n\
                   log4cplus.appender.f.layout.ConversionPattern = %z%m\n";
    assert_eq!(problems(pattern), ["line 5: unsupported '%z' in conversion pattern"]);
    let no_file = "log4cplus.appender.f.File =";
    let expected = [
        "line 2: the appender has no File",
        "line 1: there is no appender 'f'",
        "line 1: no logger has an appender, so nothing is logged",
    ];
    assert_eq!(problems(no_file), expected);
}

#[test]
fn thresholds_and_filters_decide() {
    const LEVELS: [LogLevel; 3] = [LogLevel::Fatal, LogLevel::Warn, LogLevel::Debug];
    let filter = |number: u32, class: &str, options: &str| {
        let key = format!("log4cplus.appender.f.filters.{number}");
        let options: String =
            options.split_whitespace().map(|option| format!("{key}.{option}\n")).collect();
        format!("{key} = log4cplus::spi::{class}\n{options}")
    };
    let deny_rest = filter(2, "DenyAllFilter", "");
    for (more, taken) in [
        (String::new(), [true, true, true]),
        ("log4cplus.appender.f.Threshold = warn".into(), [true, true, false]),
        (filter(1, "LogLevelMatchFilter", "LogLevelToMatch=WARN"), [true, false, true]),
        (
            filter(1, "LogLevelMatchFilter", "LogLevelToMatch=warn AcceptOnMatch=true")
                + &deny_rest,
            [false, true, false],
        ),
        (
            filter(1, "LogLevelRangeFilter", "LogLevelMin=WARN LogLevelMax=WARN"),
            [false, true, false],
        ),
        (
            filter(1, "LogLevelRangeFilter", "LogLevelMin=WARN AcceptOnMatch=true") + &deny_rest,
            [true, true, false],
        ),
        (filter(1, "LogLevelRangeFilter", "LogLevelMin=WARN") + &deny_rest, [false, false, false]),
        (
            filter(1, "StringMatchFilter", "StringToMatch=text AcceptOnMatch=1") + &deny_rest,
            [true, true, true],
        ),
        (filter(1, "StringMatchFilter", "StringToMatch=text"), [false, false, false]),
        (filter(1, "StringMatchFilter", "StringToMatch=other"), [true, true, true]),
        // Numbering begins at 1.
        (deny_rest.clone(), [true, true, true]),
    ] {
        let appender = config(&more).appenders.remove(0);
        assert_eq!(LEVELS.map(|level| appender.takes(level, "a text")), taken, "{more}");
    }
}
