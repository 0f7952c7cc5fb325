//! The shells that tests type into, and how each says a few things.

use std::fs;
use std::path::Path;

use super::{Sandbox, Terminal, without};

/// A real shell.
#[derive(Debug, Clone, Copy)]
pub struct Shell {
    /// The name that prism knows it by.
    pub name: &'static str,
    /// Its interactive start, with the start-up file of the sandbox's home.
    pub program: &'static [&'static str],
    /// The start-up file.
    pub rc: &'static str,
    /// The line of the start-up file that installs the hook.
    pub hook: &'static str,
    /// The line that sets the prompt.
    pub prompt: &'static str,
    /// Sets `NAME` to `VALUE`.
    pub set: &'static str,
    /// Unsets `NAME`.
    pub unset: &'static str,
    /// The last status; empty where there is none.
    pub status: &'static str,
    /// It knows `cd -`.
    pub has_dash: bool,
    /// It tells its hook of `cd` at once, and not only at the next prompt.
    pub follows: bool,
}

/// Those that this machine has: all, unless `PRISM_TEST_WITHOUT` says otherwise.
pub fn shells() -> impl Iterator<Item = Shell> {
    SHELLS.into_iter().filter(|shell| !without(shell.name))
}

/// Those that Debian has, and nushell.
const SHELLS: [Shell; 7] = [
    Shell {
        name: "bash",
        program: &["bash", "-i"],
        rc: ".bashrc",
        hook: "eval \"$(prism hook bash)\"",
        prompt: "PS1='ready>'",
        set: "export NAME=VALUE",
        unset: "unset NAME",
        status: "$?",
        has_dash: true,
        follows: true,
    },
    Shell {
        name: "zsh",
        program: &["zsh", "-i"],
        rc: ".zshrc",
        hook: "eval \"$(prism hook zsh)\"",
        prompt: "PS1='ready>'",
        set: "export NAME=VALUE",
        unset: "unset NAME",
        status: "$?",
        has_dash: true,
        follows: true,
    },
    Shell {
        name: "fish",
        program: &["fish", "-i"],
        rc: ".config/fish/config.fish",
        hook: "prism hook fish | source",
        prompt: "function fish_prompt; echo -n 'ready>'; end",
        set: "set -gx NAME VALUE",
        unset: "set -e NAME",
        status: "$status",
        has_dash: true,
        follows: true,
    },
    Shell {
        name: "nushell",
        program: &["nu", "--no-history"],
        rc: ".config/nushell/config.nu",
        hook: "source prism.nu",
        prompt: "$env.PROMPT_COMMAND = 'ready>'; $env.PROMPT_COMMAND_RIGHT = ''; $env.PROMPT_INDICATOR = ''; $env.config.show_banner = false",
        set: "$env.NAME = 'VALUE'",
        unset: "hide-env NAME",
        status: "$env.LAST_EXIT_CODE",
        has_dash: true,
        follows: false,
    },
    Shell {
        name: "elvish",
        program: &["elvish"],
        rc: ".config/elvish/rc.elv",
        hook: "eval (prism hook elvish | slurp)",
        prompt: "set edit:prompt = { put 'ready>' }",
        set: "set-env NAME VALUE",
        unset: "unset-env NAME",
        status: "",
        has_dash: false,
        follows: true,
    },
    Shell {
        name: "tcsh",
        program: &["tcsh"],
        rc: ".tcshrc",
        hook: "source ~/.prism.tcsh",
        prompt: "set prompt = 'ready>'",
        set: "setenv NAME VALUE",
        unset: "unsetenv NAME",
        status: "$status",
        has_dash: true,
        follows: true,
    },
    Shell {
        name: "xonsh",
        program: &["xonsh", "--shell-type", "readline"],
        rc: ".xonshrc",
        hook: "import subprocess; execx(subprocess.check_output(['prism', 'hook', 'xonsh'], text=True, env=${...}.detype()))",
        prompt: "$PROMPT = 'ready>'",
        set: "$NAME = 'VALUE'",
        unset: "del $NAME",
        status: "@(__xonsh__.history[-1].rtn)",
        has_dash: true,
        follows: true,
    },
];

impl Shell {
    /// Finds one by name.
    pub fn named(name: &str) -> Self {
        SHELLS.into_iter().find(|shell| shell.name == name).expect("a shell of the tests")
    }

    /// Writes its start-up file: its hook among these lines.
    pub fn configure(&self, sandbox: &Sandbox, before: &str, after: &str) {
        let rc = sandbox.root().join("home").join(self.rc);
        fs::create_dir_all(rc.parent().expect("parent")).expect("directories");
        // Where the hook is a file of its own.
        for (name, file) in [("nushell", ".config/nushell/prism.nu"), ("tcsh", ".prism.tcsh")] {
            if name == self.name {
                let file = sandbox.root().join("home").join(file);
                fs::create_dir_all(file.parent().expect("parent")).expect("directories");
                let copy = sandbox.root().join("bin/prism");
                let prism = if copy.exists() { &copy } else { Path::new(env!("CARGO_BIN_EXE_prism")) };
                let prism = prism.to_str().expect("UTF-8");
                let code = sandbox.command(prism, &sandbox.work(), &["hook", name]).succeeds().stdout;
                fs::write(file, code).expect("the hook's file");
            }
        }
        fs::write(rc, format!("{}\n{before}\n{}\n{after}\n", self.prompt, self.hook)).expect("start-up file");
    }

    /// Starts it with its hook.
    pub fn start(&self, sandbox: &Sandbox, directory: &Path, env: &[(&str, &str)]) -> Terminal {
        if !sandbox.root().join("home").join(self.rc).exists() {
            self.configure(sandbox, "", "");
        }
        Terminal::start(sandbox, directory, self.program, env)
    }

    /// The line that sets a variable to a plain value.
    pub fn set(&self, name: &str, value: &str) -> String {
        self.set.replace("NAME", name).replace("VALUE", value)
    }

    /// The line that unsets a variable.
    pub fn unset(&self, name: &str) -> String {
        self.unset.replace("NAME", name)
    }
}
