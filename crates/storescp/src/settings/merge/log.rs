//! The log.

use super::{Merging, value};
use crate::cli::log_config_fault;
use crate::logging::{LogConfig, LogLevel, LogSettings};
use crate::settings::typed::Log;

pub(super) fn merge(typed: &Log, log: &mut LogSettings, merging: &mut Merging<'_>) {
    if let (Some(level), Some(_)) = (&typed.level, &typed.config) {
        merging
            .fault(&level.span, "log.level has no effect with log.config: leave one of them out");
    }
    if let Some(level) = value(&typed.level) {
        (log.level, log.config) = (level.0, None);
    }
    if let Some(file) = &typed.config {
        let path = merging.path(&file.value);
        match LogConfig::read(&path) {
            Ok(config) => {
                log.level = config.level().unwrap_or(LogLevel::Fatal);
                log.config = Some(config);
            }
            Err(fault) => {
                let message = format!("log.config: {} {}", path.display(), log_config_fault(fault));
                merging.fault(&file.span, message);
            }
        }
    }
    if let Some(format) = value(&typed.format) {
        log.format = format.0;
    }
    if let Some(shown) = &typed.presentation_contexts {
        log.verbose_presentation_contexts = shown.value;
        if shown.value && log.level < LogLevel::Info {
            let message = "log.presentation-contexts needs log.level = \"info\" or more";
            merging.fault(&shown.span, message);
        }
    }
}
