//! Apache Kafka's released jars, and Java programs that run on them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{process, progress, tools, workspace};

/// The release that everything here is measured against.
pub const KAFKA_VERSION: &str = "4.3.1";

/// A folder with Apache Kafka's broker, tools and client, and a JDK to run them.
#[derive(Debug, Clone)]
pub struct KafkaJars {
    folder: PathBuf,
}

impl KafkaJars {
    /// Fetches the jars with Maven unless the cache has them (54 MB, 13 s the first time); installs Maven and a JDK
    /// when they are missing.
    ///
    /// # Errors
    /// When something is missing that cannot be installed, or Maven fails.
    pub fn ensure() -> Result<Self> {
        tools::ensure(&[tools::JDK, tools::JAVA])?;
        let folder = fetch(&format!("kafka-{KAFKA_VERSION}"), include_str!("pom.xml"), &["-DincludeScope=runtime"])?;
        Ok(Self { folder })
    }

    /// Fetches what the Java client is tested with in its own project, a clock and a network that only tests move, unless
    /// the cache has it (3 MB), and returns its folder. Brokers and tools run without it.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure).
    pub fn test_folder() -> Result<PathBuf> {
        // What it depends on lies in the other folder, or is the test framework, which is not used.
        fetch(&format!("kafka-{KAFKA_VERSION}-test"), include_str!("test-pom.xml"), &["-DexcludeTransitive=true"])
    }

    /// The folder that holds the jars.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `java` with the jars on its class path and Kafka's own chatter reduced to warnings; the caller adds the class
    /// name, or a single-file source, and its arguments.
    pub fn java(&self) -> Command {
        let mut command = Command::new("java");
        command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]).arg(self.folder.join("*"));
        command
    }

    /// Runs a class from the jars (`org.apache.kafka.tools.TopicCommand`) and returns its standard output.
    ///
    /// # Errors
    /// When it exits with a failure.
    pub fn tool<S: AsRef<std::ffi::OsStr>>(
        &self,
        class: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        process::capture(self.java().arg(class).args(arguments))
    }

    /// Compiles and runs one Java source file and returns its standard output.
    ///
    /// # Errors
    /// When it does not compile or exits with a failure.
    pub fn run_source<S: AsRef<std::ffi::OsStr>>(
        &self,
        source: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        process::capture(self.java().arg(source).args(arguments))
    }
}

/// Has Maven gather what a POM lists into a folder of the cache, unless it is there.
fn fetch(entry: &str, list: &str, options: &[&str]) -> Result<PathBuf> {
    workspace::cached(entry, |folder| {
        tools::ensure(&[tools::MAVEN])?;
        progress!("fetching the jars of Apache Kafka {KAFKA_VERSION} with Maven");
        let pom = folder.join("pom.xml");
        fs::write(&pom, list)?;
        process::run(
            Command::new("mvn")
                .args(["--batch-mode", "--quiet", "-Dstyle.color=never", "-f"])
                .arg(&pom)
                .arg("dependency:copy-dependencies")
                .args(options)
                .arg(format!("-DoutputDirectory={}", folder.display())),
        )
    })
}
