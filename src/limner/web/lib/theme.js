// Light, dark, or as the system has it.

const NAME = "limner.theme";
export const THEMES = ["system", "light", "dark"];

export const theme = () => localStorage.getItem(NAME) ?? "system";

export function applyTheme(wanted = theme()) {
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  localStorage.setItem(NAME, wanted);
}
