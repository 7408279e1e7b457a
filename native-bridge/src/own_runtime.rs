//! A runtime for a thread of the library's own.

use tokio::runtime::Runtime;

/// A runtime that may be dropped anywhere, also in a task of another one (where no thread could be had for it), and waits for
/// nothing when it is.
#[derive(Debug)]
pub(crate) struct OwnRuntime(Option<Runtime>);

impl From<Runtime> for OwnRuntime {
    fn from(runtime: Runtime) -> Self {
        Self(Some(runtime))
    }
}

impl OwnRuntime {
    pub(crate) fn block_on(&self, task: impl Future<Output = ()>) {
        if let Some(runtime) = &self.0 {
            runtime.block_on(task);
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    /// tokio's own panics there.
    #[tokio::test]
    async fn it_may_be_dropped_in_a_task_of_another_runtime() {
        let runtime = Builder::new_current_thread().enable_all().build().expect("descriptors");
        drop(OwnRuntime::from(runtime));
    }
}
