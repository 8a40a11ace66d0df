import { loadLanguage } from "./lib/i18n.js";
import { applyTheme } from "./lib/theme.js";
import { start } from "./lib/page.js";

applyTheme();
await loadLanguage();
await import("./parts/app.js");
await start();
