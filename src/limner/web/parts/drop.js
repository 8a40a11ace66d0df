// Files dropped anywhere on the page. A picture that says how it was made can be made again.

import { t } from "../lib/i18n.js";
import { attach } from "../lib/page.js";
import { needStyle } from "../lib/style.js";
import { createRef, html, nothing, Part, ref } from "./part.js";
import { icon } from "./icons.js";

/** What was brought in any other way, as by pasting, is treated alike. */
export const takeFiles = (files) => document.querySelector("lm-drop").take(files);

class Drop extends Part {
  static properties = { isOver: { state: true }, asked: { state: true } };

  constructor() {
    super();
    this.isOver = false;
    this.asked = null; // {file, facts, preview}
    this.dialog = createRef();
    const listen = (name, act) => document.addEventListener(name, act);
    listen("dragstart", () => (this.isOurs = true)); // a picture of the page itself comes as a file, too
    listen("dragend", () => (this.isOurs = false));
    listen("dragenter", (event) => this.enter(event));
    listen("dragover", (event) => this.isOver && event.preventDefault());
    listen("dragleave", (event) => !event.relatedTarget && (this.isOver = false));
    listen("drop", (event) => this.drop(event));
  }

  enter(event) {
    const isFile = event.dataTransfer.types.includes("Files") && !this.isOurs;
    if (isFile && !document.querySelector("dialog[open]")) this.isOver = true;
  }

  drop(event) {
    if (!this.isOver) return;
    event.preventDefault();
    this.isOver = false;
    this.take([...event.dataTransfer.files]);
  }

  /** One picture that tells of itself is asked about; anything else goes with the next message. */
  async take(files) {
    const facts = files.length === 1 ? await factsOf(files[0]) : null;
    if (!facts?.prompt) return attach(files);
    await needStyle("dialogs");
    this.asked = { file: files[0], facts, preview: URL.createObjectURL(files[0]) };
    await this.updateComplete;
    return this.dialog.value.showModal();
  }

  render() {
    return html`${this.isOver ? html`<div class="drop-frame"><p>${icon("picture")} ${t("drop-here")}</p></div>` : nothing} ${this.asked ? this.question(this.asked) : nothing}`;
  }

  question({ file, facts, preview }) {
    const told = [facts.size?.replace("x", " × "), facts.seed !== undefined && t("drop-seed", { seed: facts.seed }), facts.model].filter(Boolean);
    return html`<dialog ${ref(this.dialog)} class="dropped" aria-labelledby="dropped-title" @close=${this.closed}>
      <h2 id="dropped-title">${t("drop-title")}</h2>
      <img src=${preview} alt=${file.name} />
      <p dir="auto">${facts.prompt}</p>
      <p class="quiet">${told.join(" · ")}</p>
      <div class="answers">
        <button class="strong" @click=${() => this.then(() => use(facts))}>${t("use-settings")}</button>
        <button @click=${() => this.then(() => attach([file]))}>${t("reference")}</button>
        <button class="plain" @click=${() => this.dialog.value.close()}>${t("cancel")}</button>
      </div>
    </dialog>`;
  }

  then(act) {
    this.dialog.value.close();
    act();
  }

  closed() {
    URL.revokeObjectURL(this.asked.preview);
    this.asked = null;
  }
}

async function factsOf(file) {
  const { readMetadata } = await import("../lib/metadata.js");
  return (await readMetadata(file)).facts;
}

async function use(facts) {
  const { useSettings } = await import("../lib/reuse.js");
  useSettings(facts);
}

customElements.define("lm-drop", Drop);
