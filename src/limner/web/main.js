import { language, loadLanguage } from "./lib/i18n.js";
import { page } from "./lib/state.js";
import { applyTheme } from "./lib/theme.js";

applyTheme();
await loadLanguage();
page.set({ language });
await import("./parts/app.js");

const card = new URLSearchParams(location.search).get("card");
if (card) {
  const { showCard } = await import("./lib/fixtures.js");
  showCard(card);
} else {
  const [{ keepLooking, start }, { watchHealth }] = await Promise.all([import("./lib/open.js"), import("./lib/health.js")]);
  watchHealth();
  await start();
  keepLooking();
}
