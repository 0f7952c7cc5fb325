//! Programs that take the whole screen, and such that answer line by line.

use std::time::{Duration, Instant};

use nix::unistd::getpgid;

use crate::process::{MODES, Mode};
use crate::support::live::is_stopped;
use crate::support::{Project, Terminal, eventually};

/// Draws on the other screen of the terminal, reads key by key, and behaves at Ctrl-Z as an editor does.
const EDITOR: &str = r#"
    use POSIX ();
    $| = 1;
    my $saved = `stty -g`;
    my $rounds = 0;
    sub enter { system "stty", "raw", "-echo"; print "\e[?1049hpainted:", $rounds++, "\r\npid=$$\r\n" }
    sub leave { print "\e[?1049l"; system "stty $saved" }
    enter();
    while (sysread STDIN, my $key, 1) {
        if ($key eq "\x1a") { leave(); kill "TSTP", 0; print "awake:$rounds.\r\n"; enter() }
        elsif ($key eq "q") { leave(); exit 4 }
        else { print "key:", ord $key, ":$rounds\r\n" }
    }
"#;

fn bash(project: &Project) -> Terminal {
    let env = [("PS1", "ready>"), ("TERM", "xterm"), ("LESSHISTFILE", "-"), ("PYTHON_HISTORY", "/dev/null")];
    Terminal::start(&project.sandbox, &project.directory, &["bash", "--norc", "--noprofile", "-i"], &env)
}

fn prism(mode: Mode) -> String {
    format!("prism -q {}", mode.words().join(" "))
}

/// Types a key until `text` is shown once more: Python and `less` note a signal that comes right before they wait for a
/// key, and go on waiting, also without prism.
fn types_until_shown(terminal: &mut Terminal, key: &str, text: &str) {
    let shown = |terminal: &Terminal| terminal.screen().matches(text).count();
    let before = shown(terminal);
    let mut typed: Option<Instant> = None;
    eventually(text, || {
        if typed.is_none_or(|at| at.elapsed() > Duration::from_secs(5)) {
            terminal.types(key);
            typed = Some(Instant::now());
        }
        shown(terminal) > before
    });
}

fn interrupt_python(terminal: &mut Terminal) {
    types_until_shown(terminal, "\x03", "KeyboardInterrupt");
}

fn nothing_is_left(project: &Project) {
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn a_program_in_raw_mode_is_stopped_and_continued_fifty_times() {
    let project = Project::quick();
    project.write("editor.pl", EDITOR);
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line("before=$(stty -g)");
        terminal.line(&format!("{} perl editor.pl", prism(mode)));
        terminal.shows("painted:0\r", 1);
        let mut stops = 0;
        let editor = terminal.number_after("pid=");
        let leader = getpgid(Some(editor)).expect("a group");
        for count in 1..=50 {
            // In raw mode these are keys, the first of them Ctrl-C.
            terminal.types("\x03\x1a");
            terminal.shows(&format!("key:3:{count}\r"), 1);
            stops += 1;
            terminal.shows("Stopped", stops);
            if count % 5 == 0 {
                // In the background it may not touch the terminal: SIGTTOU stops it again.
                terminal.line("bg");
                terminal.shows(&format!("awake:{count}."), 1);
                eventually("the stop of both", || [editor, leader].into_iter().all(is_stopped));
            }
            terminal.line("fg");
            terminal.shows(&format!("painted:{count}\r"), 1);
            // The shell may have told of the second stop, or not.
            stops = terminal.screen().matches("Stopped").count();
        }
        terminal.types("q");
        terminal.line("echo left:$?; [ \"$(stty -g)\" = \"$before\" ] && echo as-be''fore");
        terminal.shows("left:4", 1);
        terminal.shows("as-before", 1);
        // On the other screen when it paints, back when it stops or ends.
        assert_eq!(terminal.screen().matches("\x1b[?1049h").count(), 51);
        assert_eq!(terminal.screen().matches("\x1b[?1049l").count(), 51);
    }
    nothing_is_left(&project);
}

#[test]
fn less_pages_stops_and_goes_on() {
    let project = Project::quick();
    let lines: String = (1..=500).map(|number| format!("line {number} of the text\n")).collect();
    project.write("text", &lines);
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line(&format!("{} less text", prism(mode)));
        eventually("the first page", || terminal.screen().contains("line 49 of the text"));
        for count in 1..=10 {
            types_until_shown(&mut terminal, "\x1a", "Stopped");
            terminal.shows("Stopped", count);
            let shown = |terminal: &Terminal, text: &str| terminal.screen().matches(text).count();
            let lost = shown(&terminal, "command not found");
            terminal.line("fg");
            let is_page = |terminal: &Terminal| shown(terminal, "\x1b[?1049h") > count;
            // In CI, the first key after a stop was lost once, and the shell read `g`: nobody knows by whom.
            eventually("the page again", || {
                is_page(&terminal) || shown(&terminal, "command not found") > lost
            });
            if !is_page(&terminal) {
                terminal.line("fg");
                eventually("the page again", || is_page(&terminal));
            }
        }
        // `less` forgets keys that come while it paints.
        let painted = terminal.screen().matches("line 19 of the text").count();
        terminal.resize(20);
        eventually("the smaller page", || {
            terminal.screen().matches("line 19 of the text").count() > painted
                && terminal.screen().ends_with("\x1b[K")
        });
        terminal.types("G");
        eventually("the last page", || terminal.screen().contains("line 500 of the text"));
        terminal.types("q");
        terminal.line("echo left:$?");
        terminal.shows("left:0", 1);
    }
    nothing_is_left(&project);
}

#[test]
fn a_repl_answers_is_interrupted_stops_and_goes_on() {
    let project = Project::quick();
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line("export PYTHON_BASIC_REPL=1");
        terminal.line(&format!("{} /usr/bin/python3 -q", prism(mode)));
        eventually("a prompt", || terminal.screen().contains(">>> "));
        terminal.types("import os, time; print('pid=%d' % os.getpid())\r");
        let python = terminal.number_after("pid=");
        for count in 1..=5 {
            let prompts = terminal.screen().matches(">>> ").count();
            terminal.types(&format!("print('sum', {count} + 1000)\r"));
            terminal.shows(&format!("sum {}\r", count + 1000), 1);
            eventually("a prompt", || terminal.screen().matches(">>> ").count() > prompts);
            interrupt_python(&mut terminal);
            terminal.types("print('al' + 'ong'); time.sleep(1000)\r");
            terminal.shows("along", count);
            terminal.types("\x1a");
            terminal.shows("Stopped", count);
            terminal.line("fg");
            // The shell continues it when it has the terminal.
            eventually("python to go on", || !is_stopped(python));
            interrupt_python(&mut terminal);
        }
        terminal.types("os._exit(6)\r");
        terminal.line("echo left:$?");
        terminal.shows("left:6", 1);
    }
    nothing_is_left(&project);
}
