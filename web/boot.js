// Before there is a module: the language and the theme that were remembered, and a readable text if it never starts.
(() => {
  const root = document.documentElement;
  const remembered = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // Storage is blocked: the browser's own preferences will do.
    }
  };
  const language = remembered("playground.language") ?? navigator.language.split("-")[0];
  root.lang = language === "ko" ? "ko" : "en";
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = remembered("playground.theme") ?? (dark ? "dark" : "light");
  const size = new URLSearchParams(location.search).get("size");
  if (size === "l") root.dataset.size = size;

  // The only script that the page starts beside itself, whatever is asked for: where texts may not become addresses of
  // scripts, this is the one policy by which they do.
  let trusted;
  globalThis.playgroundWorker = () => {
    const createScriptURL = () => new URL("./worker.js", document.baseURI).href;
    trusted ??= globalThis.trustedTypes?.createPolicy("playground-worker", { createScriptURL }) ?? { createScriptURL };
    return new Worker(trusted.createScriptURL(""));
  };

  let started = false;
  addEventListener("TrunkApplicationStarted", () => (started = true));
  const fail = (reason) => {
    if (started) return;
    const show = () => {
      const error = document.querySelector(".boot-error");
      if (!error) return;
      error.hidden = false;
      error.querySelector(".boot-reason").textContent = reason;
      document.querySelector(".boot-loading").hidden = true;
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", show);
    else show();
  };
  // A file that is missing or forbidden tells its element alone; what a module throws reaches the window.
  addEventListener("error", (event) => {
    const element = event.target;
    if (element instanceof HTMLScriptElement) fail(`${element.src || "script"}: not loaded`);
    else if (!(element instanceof Element)) fail(event.message);
  }, true);
  addEventListener("unhandledrejection", (event) => fail(String(event.reason)));
  addEventListener("securitypolicyviolation", (event) => fail(`${event.violatedDirective}: ${event.blockedURI}`));
  if (typeof WebAssembly !== "object") fail("WebAssembly is not available");
})();
