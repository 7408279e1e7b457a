//! Children that never outlive us, and commands that say what they do.

use std::{
    io::Write as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// Runs a command with its output shown, and fails unless it succeeds.
///
/// # Errors
/// When it cannot be started or exits with a failure; the message holds the command line.
pub fn run(command: &mut Command) -> Result<()> {
    let line = command_line(command);
    let status = command.status().with_context(|| format!("could not start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a command and returns what it wrote to standard output.
///
/// # Errors
/// When it cannot be started or exits with a failure; the message holds the command line and both outputs.
pub fn capture(command: &mut Command) -> Result<String> {
    let line = command_line(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("could not start `{line}`"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("`{line}` failed: {}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}

/// The command as one would type it, without quoting.
pub fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A child process in a process group of its own, killed with everything it started when this value is dropped, and
/// also when our own process dies without dropping anything (a killed test run, a `static`).
///
/// The group keeps the terminal's Ctrl-C away from the child: whoever owns the value decides the order of stopping.
#[derive(Debug)]
pub struct OwnedChild {
    child: Child,
    /// Waits for our end of its standard input to close, which the kernel does for us however we end.
    mourner: Child,
}

impl OwnedChild {
    /// Starts `command`. When our process is gone, `scratch` is removed too.
    ///
    /// # Errors
    /// When the command or `sh` cannot be started.
    pub fn spawn(command: &mut Command, scratch: Option<&Path>) -> Result<Self> {
        let line = command_line(command);
        own_group(command);
        let child = command.spawn().with_context(|| format!("could not start `{line}`"))?;
        let mut mourner = Command::new("sh");
        own_group(&mut mourner);
        mourner
            .arg("-c")
            .arg("read -r _ && exit 0; kill -s KILL -- \"-$1\" 2>/dev/null; sleep 0.2; [ -z \"$2\" ] || rm -rf -- \"$2\"")
            .arg("mourner")
            .arg(child.id().to_string())
            .arg(scratch.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match mourner.spawn() {
            Ok(mourner) => Ok(Self { child, mourner }),
            Err(error) => {
                signal(child.id(), "KILL");
                Err(error).context("could not start `sh`")
            }
        }
    }

    /// The child itself, to take its standard output or error.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The child's process id, which is also its process group's.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if the child has ended.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until the child ends, at most `patience`.
    ///
    /// # Errors
    /// When it still runs after `patience`.
    pub fn wait_at_most(&mut self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("process {} still runs after {patience:?}", self.child.id());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks the child alone to stop (SIGTERM).
    pub fn terminate(&self) {
        // A child that has been waited for has no process id any more: its number may belong to somebody else.
        signal(self.child.id(), "TERM");
    }

    /// Asks the child alone to stop as Ctrl-C does (SIGINT).
    pub fn interrupt(&self) {
        signal(self.child.id(), "INT");
    }

    /// Lets the child alone do nothing more (SIGSTOP) until it is thawed.
    pub fn freeze(&self) {
        signal(self.child.id(), "STOP");
    }

    /// Lets the child go on (SIGCONT).
    pub fn thaw(&self) {
        signal(self.child.id(), "CONT");
    }

    /// Ends the child and all it started at once (SIGKILL), and waits for the child.
    pub fn kill(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            signal_group(self.child.id(), "KILL");
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for OwnedChild {
    fn drop(&mut self) {
        self.kill();
        if let Some(mut stdin) = self.mourner.stdin.take() {
            let _ = stdin.write_all(b"done\n");
        }
        let _ = self.mourner.wait();
    }
}

/// Takes Ctrl-C, SIGTERM and SIGHUP from now on: each becomes a message instead of our end. Call at most once.
///
/// # Errors
/// When a handler is installed already.
pub fn interruptions() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = sender.send(());
    })
    .context("could not listen for Ctrl-C")?;
    Ok(receiver)
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}

fn signal(pid: u32, name: &str) {
    send_signal(&pid.to_string(), name);
}

fn signal_group(pid: u32, name: &str) {
    send_signal(&format!("-{pid}"), name);
}

/// The shell's own `kill`: calling the system's would need unsafe code or one more dependency.
fn send_signal(target: &str, name: &str) {
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\" 2>/dev/null", "kill", name, target])
        .stdin(Stdio::null())
        .status();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
        command
    }

    fn alive(pid: &str) -> bool {
        // A zombie has been killed already: only its parent has not asked yet.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    /// A signal is on its way for a moment after it was sent.
    fn ends_soon(pid: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while alive(pid) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        !alive(pid)
    }

    fn first_line(owned: &mut OwnedChild) -> String {
        use std::io::BufRead as _;
        let mut line = String::new();
        let stdout = owned.child().stdout.take().expect("piped");
        std::io::BufReader::new(stdout).read_line(&mut line).expect("one line");
        line.trim().to_owned()
    }

    #[test]
    fn dropping_an_owned_child_ends_what_it_started_too() {
        let mut owned = OwnedChild::spawn(&mut sleeper(), None).expect("sh starts");
        let grandchild = first_line(&mut owned);
        assert!(alive(&grandchild));
        drop(owned);
        assert!(ends_soon(&grandchild));
    }

    #[test]
    fn a_child_whose_owner_vanished_is_ended_and_its_scratch_removed() {
        let scratch = std::env::temp_dir().join(format!("playground-mourner-{}", std::process::id()));
        std::fs::create_dir(&scratch).expect("scratch");
        let mut owned = OwnedChild::spawn(&mut sleeper(), Some(&scratch)).expect("sh starts");
        let grandchild = first_line(&mut owned);
        // What the kernel does when we are killed: close our end without a word.
        drop(owned.mourner.stdin.take());
        owned.mourner.wait().expect("the mourner ends by itself");
        assert!(ends_soon(&grandchild));
        assert!(!scratch.exists());
    }

    #[test]
    fn a_failed_command_says_what_it_was_and_what_it_wrote() {
        let error = capture(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).expect_err("exit 3");
        let text = error.to_string();
        assert!(text.contains("sh -c") && text.contains("out") && text.contains("err"), "{text}");
    }
}
