import { median } from './measure.mjs';

/**
 * The results as a document. A row holds `ours` (samples), perhaps `peer` (samples) and `peerName`, a `unit`, and a bar: `peer/ours` or
 * `ours/peer` with `least` or `most`, or `ours` with `most`. `reasons` are sections, each headed by a row's id, told with rows that miss their bar.
 */
export function render({ machine, runs, minutes, rows }, reasons) {
  const missed = rows.filter((row) => row.missing !== undefined || !isMet(row));
  const lines = [
    '# Measured',
    '',
    `Made by \`npm run bench\` on ${machine.date}, in one run of ${minutes} minutes. Medians of ${runs}, with least and greatest; contenders take turns, after a \`sync\`.`,
    '',
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memory}, ${machine.architecture}; ${machine.system}, Linux ${machine.kernel}, ${machine.fileSystem}; Node ${machine.node}; cogplan at ${machine.commit}; load average at the start ${machine.load}.`,
    '',
    '| what | cogplan | peer | ratio | bar | |',
    '|---|---|---|---|---|---|',
    ...rows.map(tableRow),
  ];
  const how = new Set(rows.flatMap((row) => (row.how === undefined ? [] : [`- ${row.how}`])));
  if (how.size > 0) lines.push('', '## How', '', ...how);
  if (missed.length > 0) {
    const told = sections(reasons);
    lines.push('', '## Bars that are missed', '');
    for (const { id, what, missing } of missed)
      lines.push(`- **${what}** (${id}): ${missing ?? told.get(id) ?? 'not looked into yet.'}`);
  }
  return `${lines.join('\n')}\n`;
}

function tableRow(row) {
  const { what, bar, unit, ours, peer, peerName } = row;
  if (row.missing !== undefined) return `| ${what} | | | | ${barText(bar)} | not measured |`;
  return `| ${what} | ${samplesText(ours, unit)} | ${peer === undefined ? '' : `${samplesText(peer, unit)}, ${peerName}`} | ${ratioText(row)} | ${barText(bar)} | ${isMet(row) ? 'met' : '**missed**'} |`;
}

function samplesText(samples, unit) {
  const [middle, least, greatest] = [median(samples), Math.min(...samples), Math.max(...samples)].map(digits);
  return `${middle} ${unit} (${least}–${greatest})`;
}

function ratioText(row) {
  return row.peer === undefined ? '' : value(row).toFixed(2);
}

/** What the bar speaks of. */
function value({ bar, ours, peer }) {
  switch (bar.kind) {
    case 'peer/ours':
      return median(peer) / median(ours);
    case 'ours/peer':
      return median(ours) / median(peer);
    default:
      return median(ours);
  }
}

function isMet(row) {
  const reached = value(row);
  return row.bar.least === undefined ? reached <= row.bar.most : reached >= row.bar.least;
}

function barText({ kind, least, most, unit }) {
  const limit = least === undefined ? `≤ ${most}` : `≥ ${least}`;
  return kind === 'ours' ? `${limit} ${unit}` : `${kind} ${limit}`;
}

function digits(number) {
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(number >= 1 ? 2 : 3);
}

/** Text below `## id` headings, as one paragraph each. */
function sections(text) {
  return new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [id, ...body] = section.split('\n');
        return [id.trim(), body.join(' ').trim()];
      }),
  );
}
