use super::{Context, Names, unknown};
use crate::error::Fault;
use crate::metrics;
use crate::scenario::{Expectations, Expected};
use crate::schema::{self, Entry};
use toml::Spanned;

pub(super) fn expectations(
    file: &schema::File,
    names: &Names<'_>,
    context: &Context<'_>,
) -> Result<Expectations, Fault> {
    let mut expectations = Expectations::default();
    let texts = |texts: &[Spanned<String>]| texts.iter().map(|text| text.get_ref().clone()).collect();
    expectations.log = texts(&file.expect.log);
    expectations.no_log = texts(&file.expect.no_log);
    for (key, entry) in &file.expect.entries {
        match entry.get_ref() {
            Entry::Condition(condition) => {
                let metric = metric_name(key, &machine_metrics(names))?;
                expectations.metrics.push(Expected {
                    of: None,
                    metric,
                    condition: *condition,
                    line: context.line(&key.span()),
                });
            }
            Entry::Table(conditions) => {
                let of = key.get_ref();
                let known = if names.streams.iter().any(|stream| stream.name == *of) {
                    stream_metrics()
                } else if names.devices.iter().any(|device| device.name == *of) {
                    metrics::DEVICE.iter().map(|metric| metric.name).collect()
                } else {
                    let streams = names.streams.iter().map(|stream| stream.name.as_str());
                    let all = streams.chain(names.devices.iter().map(|device| device.name.as_str()));
                    return Err(unknown("expect", key, all));
                };
                for (key, condition) in conditions {
                    let metric = metric_name(key, &known)?;
                    let condition = *condition.get_ref();
                    expectations.metrics.push(Expected {
                        of: Some(of.clone()),
                        metric,
                        condition,
                        line: context.line(&key.span()),
                    });
                }
            }
        }
    }
    Ok(expectations)
}

fn stream_metrics() -> Vec<&'static str> {
    metrics::STREAM.iter().map(|metric| metric.name).collect()
}

fn machine_metrics(names: &Names<'_>) -> Vec<&'static str> {
    let mut known: Vec<&str> = metrics::MACHINE.iter().map(|metric| metric.name).collect();
    if names.streams.len() == 1 {
        known.extend(stream_metrics());
    }
    known
}

fn metric_name(key: &Spanned<String>, known: &[&'static str]) -> Result<&'static str, Fault> {
    let found = known.iter().find(|name| **name == *key.get_ref());
    found.copied().ok_or_else(|| unknown("expect", key, known.iter().copied()))
}
