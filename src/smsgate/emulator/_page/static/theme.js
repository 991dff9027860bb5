// Theme chosen on this page: light, dark, or the system's. A plain script in the head, so that no other theme flashes.

(() => {
  const KEY = "smsgate-theme";
  const THEMES = ["system", "light", "dark"];
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  let chosen = THEMES.includes(stored()) ? stored() : "system";

  const apply = () => { document.documentElement.dataset.theme = chosen; };

  globalThis.theme = {
    get chosen() { return chosen; },
    /** Choose the next theme, and return its name. */
    next() {
      chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
      try {
        localStorage.setItem(KEY, chosen);
      } catch { /* forgotten with the page */ }
      apply();
      return chosen;
    },
  };
  apply();
})();
