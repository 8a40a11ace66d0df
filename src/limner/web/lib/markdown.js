// Markdown as models write it, to Lit templates. Text stays text: there is no way from here to HTML.
//
// Known: paragraphs, headings, lists, code (fenced and inline), quotes, emphasis, links to http(s).
// Pictures of other sites are shown as links: loading them would tell those sites that you read.

import { html, nothing } from "../vendor/lit.js";

const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|\*([^*\s][^*]*?)\*|(?<!\w)_([^_\s][^_]*?)_(?!\w)|!?\[([^\]]*)\]\((\S+?)\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?])/g;

export function render(text) {
  const lines = (text ?? "").split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = blockAt(lines, at);
    if (block !== nothing) blocks.push(block);
    at = next;
  }
  return blocks;
}

function blockAt(lines, at) {
  const line = lines[at];
  const fence = /^\s*(```+|~~~+)/.exec(line);
  if (fence) return fenced(lines, at, fence[1]);
  if (!line.trim()) return [nothing, at + 1];
  const heading = /^(#{1,6})\s+(.*)$/.exec(line);
  if (heading) return [html`<p class="heading" role="heading" aria-level=${Math.min(heading[1].length + 2, 6)}>${inline(heading[2])}</p>`, at + 1];
  if (/^\s*>/.test(line)) return quoted(lines, at);
  if (/^\s*([-*+]|\d+[.)])\s+/.test(line)) return listed(lines, at);
  return paragraph(lines, at);
}

function fenced(lines, at, mark) {
  const code = [];
  let next = at + 1;
  while (next < lines.length && !lines[next].trimStart().startsWith(mark)) code.push(lines[next++]);
  return [html`<pre tabindex="0"><code>${code.join("\n")}</code></pre>`, next + 1];
}

function quoted(lines, at) {
  const inside = [];
  let next = at;
  while (next < lines.length && /^\s*>/.test(lines[next])) inside.push(lines[next++].replace(/^\s*> ?/, ""));
  return [html`<blockquote>${render(inside.join("\n"))}</blockquote>`, next];
}

function listed(lines, at) {
  const ordered = /^\s*\d/.test(lines[at]);
  const items = [];
  let next = at;
  for (; next < lines.length; next++) {
    const item = /^\s*(?:[-*+]|\d+[.)])\s+(.*)$/.exec(lines[next]);
    if (item) items.push(item[1]);
    else if (lines[next].trim() && /^\s/.test(lines[next])) items.push(`${items.pop()} ${lines[next].trim()}`);
    else break;
  }
  const shown = items.map((item) => html`<li>${inline(item)}</li>`);
  return [ordered ? html`<ol>${shown}</ol>` : html`<ul>${shown}</ul>`, next];
}

function paragraph(lines, at) {
  const inside = [];
  let next = at;
  while (next < lines.length && lines[next].trim() && (next === at || !/^\s*(```|~~~|#{1,6}\s|>|[-*+]\s|\d+[.)]\s)/.test(lines[next]))) inside.push(lines[next++]);
  return [html`<p>${inside.map((line, index) => html`${index ? html`<br />` : nothing}${inline(line)}`)}</p>`, next];
}

function inline(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > from) parts.push(text.slice(from, found.index));
    parts.push(piece(found));
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

function piece([whole, , code, strong, emphasis, underlined, label, target, bare]) {
  if (code !== undefined) return html`<code>${code}</code>`;
  if (strong !== undefined) return html`<strong>${inline(strong)}</strong>`;
  if (emphasis ?? underlined) return html`<em>${inline(emphasis ?? underlined)}</em>`;
  const href = target ?? bare;
  if (!/^https?:\/\//i.test(href)) return whole;
  return html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${label || href}</a>`;
}
