import type { Plan } from '../../plan/diff/schema.generated.ts';
import { MARK_WORDS, outlineOf, type Row, type Section } from './plan-outline.ts';
import { releasePage } from './release-page.ts';

/**
 * The plan as one HTML file: no script, nothing fetched, readable on a narrow screen, light or dark as the reader likes it. Lists fold with the
 * browser's own means, so the keyboard works everywhere.
 */
export function planHtml(plan: Plan): string {
  const outline = outlineOf(plan);
  const lines = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
    '<title>cogplan: plan</title>',
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>Plan</h1>`,
    `<p class="headline">${escapeHtml(outline.headline)}</p>`,
  ];
  if (outline.alarms.length > 0) {
    lines.push('<section class="alarm" aria-label="Look at these first">', '<h2>Look at these first</h2>', '<ul>');
    for (const { subject, versions, risks, reason, change } of outline.alarms) {
      const story = escapeHtml([...risks, reason].join('; '));
      lines.push(
        `<li><strong>${escapeHtml(change.family)}: ${escapeHtml(subject)} ${escapeHtml(versions)}</strong> ${story}</li>`,
      );
    }
    lines.push('</ul>', '</section>');
  }
  const facts = [
    ...outline.consequences,
    ...outline.holds.map((hold) => `Held: ${hold}`),
    ...outline.notes.map((note) => `Note: ${note}`),
  ];
  if (facts.length > 0)
    lines.push('<ul class="facts">', ...facts.map((fact) => `<li>${escapeHtml(fact)}</li>`), '</ul>');
  lines.push(...outline.sections.flatMap(sectionLines));
  lines.push(
    '<footer>',
    `<p>New lock <code>${plan.after}</code>${plan.before === null ? '' : `, old lock <code>${plan.before}</code>`}</p>`,
    '</footer>',
    '</main>',
    '</body>',
    '</html>',
  );
  return `${lines.join('\n')}\n`;
}

const STYLE = `
:root{color-scheme:light dark;font:16px/1.45 system-ui,sans-serif}
main{max-width:70rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;margin:0}
h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
.headline{font-weight:600;margin:.25rem 0 1rem}
.alarm{border:2px solid #c62828;border-radius:.4rem;padding:.25rem 1rem}
.alarm h2{margin-top:.5rem}
ul.changes{list-style:none;margin:0;padding:0}
ul.changes>li{border-top:1px solid #8885;padding:.4rem 0;overflow-wrap:anywhere}
.mark{display:inline-block;min-width:1.2em;font-family:ui-monospace,monospace;font-weight:700}
.versions,.why,code{font-family:ui-monospace,monospace;font-size:.9em}
.why{display:block;font-family:inherit;opacity:.8}
.risk{display:block;font-weight:600}
summary{cursor:pointer;padding:.4rem 0}
a:focus-visible,summary:focus-visible{outline:3px solid #1565c0;outline-offset:2px}
footer{margin-top:2rem;overflow-wrap:anywhere;opacity:.8}
@media print{details>*{display:block}}
`.trim();

function sectionLines({ title, counts, rows, folded }: Section): readonly string[] {
  const lines = ['<section>', `<h2>${escapeHtml(title)}: ${escapeHtml(counts)}</h2>`];
  if (rows.length > 0) lines.push('<ul class="changes">', ...rows.map(item), '</ul>');
  if (folded.length > 0) {
    const summary = rows.length > 0 ? `${folded.length} more` : `${folded.length} changes`;
    lines.push(
      `<details><summary>${summary}</summary>`,
      '<ul class="changes">',
      ...folded.map(item),
      '</ul>',
      '</details>',
    );
  }
  return [...lines, '</section>'];
}

function item({ mark, subject, versions, size, reason, risks, change }: Row): string {
  const page = releasePage(change);
  const name =
    page === undefined
      ? escapeHtml(subject)
      : `<a href="${escapeHtml(page)}" rel="noreferrer">${escapeHtml(subject)}</a>`;
  const risk = risks.map((text) => `<span class="risk">${escapeHtml(text)}</span>`).join('');
  const layers = change.layers.length === 0 ? '' : `; moves ${escapeHtml(change.layers.join(', '))}`;
  return (
    `<li><span class="mark" title="${MARK_WORDS[mark]}" aria-label="${MARK_WORDS[mark]}">${escapeHtml(mark)}</span> ` +
    `<strong>${name}</strong> <span class="versions">${escapeHtml(versions)}</span> ${escapeHtml(size)}` +
    `${risk}<span class="why">${escapeHtml(reason)}${layers}</span></li>`
  );
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
