use super::*;
use expect_test::expect;

const GOOD: &str = r#"
title = "A second of noise"

[topology]
device = [{ name = "headset", port = "1", kind = "uac2" }]

[audio]
ms = 1000

[[stream]]
name = "music"

[[timeline]]
at_ms = 0
action = "start"

[expect]
bit_exact = true
host_interrupts_per_s = "< 1"
log = ["finished"]
"#;

fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(text, Path::new("a.toml"))
}

/// The good file with one thing replaced, and what is said about it.
fn verdict(replaced: &str, by: &str) -> String {
    assert!(GOOD.contains(replaced), "{replaced}");
    match parse(&GOOD.replacen(replaced, by, 1)) {
        Ok(_) => panic!("{by} is accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_good_file_is_read() {
    let scenario = parse(GOOD).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.streams[0].audio.frames(), 48_000);
    assert_eq!(scenario.timeline[0].line, 15);
    assert_eq!(scenario.expect.metrics.len(), 2);
    assert_eq!(scenario.expect.log, ["finished"]);
}

#[test]
fn mistakes_are_named_with_line_and_field() {
    let table = [
        verdict("at_ms = 0", "at_mss = 0"),
        verdict("at_ms = 0", "at_ms = -1"),
        verdict("at_ms = 0", ""),
        verdict("\"start\"", "\"strat\""),
        verdict("\"start\"", "\"suspend\""),
        verdict("\"start\"", "\"suspend\"\nuntil_ms = 0"),
        verdict("\"start\"", "\"stop\""),
        verdict("\"start\"", "\"start\"\nfor_ms = 5"),
        verdict("\"start\"", "\"start\"\nstream = \"musik\""),
        verdict("\"start\"", "\"start\"\nexpect = \"EBUSY\""),
        verdict("at_ms = 0", "at_phase = \"late\""),
        verdict("at_ms = 0\naction = \"start\"", "at_phase = \"late\"\naction = \"offload_get\""),
        verdict("\"uac2\"", "\"uac3\""),
        verdict("\"1\"", "\"0\""),
        verdict("\"1\"", "\"7\""),
        verdict("\"1\"", "\"1.1\""),
        verdict("name = \"headset\"", "name = \"my headset\""),
        verdict("[topology]", "[topology]\ncontroller = { interrupters = 0 }"),
        verdict("ms = 1000", ""),
        verdict("ms = 1000", "ms = 1000\nrate = 22050"),
        verdict("ms = 1000", "frames = 0"),
        verdict("ms = 1000", "fixture = \"violin\""),
        verdict("ms = 1000", "wav = \"nowhere.wav\""),
        verdict("bit_exact", "bit_exakt"),
        verdict("\"< 1\"", "\"about 1\""),
        verdict("[expect]", "[expect.musik]"),
        verdict("title", "titel"),
        verdict("[audio]", "[audio"),
        verdict("name = \"music\"", "name = \"music\"\ndirection = \"sideways\""),
    ];
    expect![[r#"
        a.toml:14: at_mss: unknown field `at_mss`, expected one of `at_ms`, `at_phase`, `action`, `stream`, `device`, `until_ms`, `for_ms`, `fault`, `endpoint`, `skip`, `count`, `delay_us`, `expect`; did you mean `at_ms`?
        a.toml:14: at_ms: invalid value: integer `-1`, expected a whole number that is not negative
        a.toml:13: at_ms: missing; give at_ms or at_phase
        a.toml:15: action: unknown variant `strat`, expected one of `start`, `stop`, `suspend`, `unplug`, `plug`, `dsp_stall`, `dsp_late`, `dsp_silent`, `dsp_crash`, `dsp_restart`, `offload_get`, `offload_put`, `power_auto`, `power_on`, `fault`; did you mean `start`?
        a.toml:13: until_ms: missing; when does the machine wake up?
        a.toml:16: until_ms: the machine wakes up before it goes to sleep
        a.toml:13: timeline: nothing is ever started; begin with action = "start"
        a.toml:16: for_ms: has no meaning for action `start`
        a.toml:16: stream: unknown `musik`; did you mean `music`?
        a.toml:16: expect: `EBUSY`; allowed is `ok` or an error such as `-EBUSY`
        a.toml:15: action: only offload_get and offload_put can happen at a phase of system sleep
        a.toml:14: at_phase: the timeline has no system sleep
        a.toml:5: device: unknown variant `uac3`, expected one of `uac2`, `uac1`, `hub`; did you mean `uac2`?
        a.toml:5: port: `0` is no port; write "1", or "2.1" for port 1 of a hub at 2
        a.toml:5: port: no USB 2 root port 7, there are 1 to 6
        a.toml:5: port: no hub at root port 1; list it before this device
        a.toml:5: name: `my headset`: letters, digits, `-` and `_` make a name
        a.toml:5: topology.controller: interrupters is 0, allowed is 1 to 1024
        a.toml:7: audio: give one of `fixture`, `wav`, `ms` and `frames`
        a.toml:9: rate: allowed is 44100, 48000 or 96000
        a.toml:8: audio: 0 frames, allowed is 1 to 57600000
        a.toml:8: fixture: there is only `plucked-strings`
        a.toml:8: wav: nowhere.wav: no such file
        a.toml:18: expect: unknown `bit_exakt`; did you mean `bit_exact`?
        a.toml:19: host_interrupts_per_s: `about 1` is no number; allowed are 1, true, "< 1", "<= 1", ">= 1", "> 1", "1 to 2"
        a.toml:20: log: invalid type: sequence, expected a number, a condition such as "< 1", or a table of them
        a.toml:2: titel: unknown field `titel`, expected one of `title`, `seed`, `limit_ms`, `topology`, `client`, `audio`, `dsp`, `stream`, `timeline`, `expect`; did you mean `title`?
        a.toml:7: [audio: unclosed table, expected `]`
        a.toml:12: direction: unknown variant `sideways`, expected `playback` or `capture`"#]].assert_eq(&table.join("\n"));
}

#[test]
fn mistakes_in_faults_are_named_too() {
    let fault = |fields: &str| {
        verdict("[expect]", &format!("[[timeline]]\nat_ms = 5\naction = \"fault\"\n{fields}\n[expect]"))
    };
    let table = [
        fault(""),
        fault("fault = \"noise\""),
        fault("fault = \"delay\""),
        fault("fault = \"delay\"\ndelay_us = 0"),
        fault("fault = \"lost\"\ndelay_us = 5"),
        fault("fault = \"lost\"\nendpoint = \"1\""),
        fault("fault = \"lost\"\nendpoint = \"16 in\""),
        fault("fault = \"lost\"\ncount = -1"),
        verdict("\"start\"", "\"start\"\ncount = 5"),
    ];
    expect![[r#"
        a.toml:17: fault: missing; what happens to the transactions?
        a.toml:20: fault: unknown variant `noise`, expected one of `nak`, `stall`, `lost`, `handshake_lost`, `babble`, `split_error`, `data_buffer`, `delay`
        a.toml:20: delay_us: missing; how much longer do they take?
        a.toml:21: delay_us: allowed is 1 to 1000000
        a.toml:21: delay_us: has a meaning for fault = "delay" only
        a.toml:21: endpoint: `1`; allowed is `0`, or 1 to 15 with a direction, such as `1 out`
        a.toml:21: endpoint: `16 in`; allowed is `0`, or 1 to 15 with a direction, such as `1 out`
        a.toml:21: count: invalid value: integer `-1`, expected a whole number that is not negative
        a.toml:16: count: has no meaning for action `start`"#]].assert_eq(&table.join("\n"));
}

#[test]
fn a_device_that_lacks_the_format_says_what_it_has() {
    let text = GOOD.replace("uac2", "uac1").replace("ms = 1000", "ms = 1000\nrate = 96000");
    let error = parse(&text).err().map(|error| error.to_string()).unwrap_or_default();
    expect!["a.toml:7: audio: a uac1 device does not play 96000 Hz, 16 bit, 2 ch; it offers 16 bit 2 ch at 44100/48000 Hz; 16 bit 1 ch at 44100/48000 Hz"].assert_eq(&error);
}
