import { readFileSync } from 'node:fs';
import { parseDocument } from 'htmlparser2';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { aLock, aWheel } from '../../../test/builders/lock.ts';
import { anUpgrade } from '../../../test/builders/upgrade.ts';
import type { Json } from '../../canonical.ts';
import { parseLock } from '../../lock/read-lock.ts';
import { diffLocks, lockDigest } from '../../plan/diff/diff-locks.ts';
import { applyPatch } from '../../plan/diff/patch.ts';
import { formatPlan, parsePlan } from '../../plan/diff/read-plan.ts';
import type { Plan } from '../../plan/diff/schema.generated.ts';
import { layerFacts } from '../layer-facts.ts';
import { planHtml } from './plan-html.ts';
import { planMarkdown } from './plan-markdown.ts';
import { planText } from './plan-text.ts';

const GOLDEN = '../../../test/fixtures/plans';

function upgradePlan(): Plan {
  const { before, after } = anUpgrade();
  const platform = 'linux/amd64';
  return diffLocks(before, after, {
    mode: 'upgrade',
    stored: new Set(),
    now: '2026-11-22T00:00:00Z',
    notes: ['Offline: release dates and yanked releases were not looked up'],
    layers: {
      [platform]: {
        before: layerFacts(before.targets[platform], platform),
        after: layerFacts(after.targets[platform], platform),
      },
    },
  });
}

const wheels = (name: string, version: string) =>
  aLock({}, { python: { indexes: [], packages: [aWheel(name, version)] } });
/** What a hostile index could put into names and versions. */
const HOSTILE = diffLocks(
  wheels('a', '1'),
  wheels('<img src=x onerror=alert(1)>|`@here`\u001b[2J\u202e\n| cell', '1"><script>alert(1)</script>'),
);

describe('an upgrade', () => {
  it.each([80, 100, 140])('as text of %d columns', async (width) => {
    const lines = planText(upgradePlan(), { width, color: false });
    expect(Math.max(...lines.map((text) => stringWidth(text)))).toBeLessThanOrEqual(width);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`${GOLDEN}/upgrade-${width}.txt`);
  });

  it('as text in colours, which says the same words', async () => {
    const colored = planText(upgradePlan(), { width: 80, color: true }).join('\n');
    const plain = planText(upgradePlan(), { width: 80, color: false }).join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(plain);
    expect(colored).not.toBe(plain);
  });

  it('as Markdown, JSON and HTML', async () => {
    const plan = upgradePlan();
    await expect(planMarkdown(plan)).toMatchFileSnapshot(`${GOLDEN}/upgrade.md`);
    await expect(formatPlan(plan)).toMatchFileSnapshot(`${GOLDEN}/upgrade.json`);
    await expect(planHtml(plan)).toMatchFileSnapshot(`${GOLDEN}/upgrade.html`);
  });

  it('shows every change when asked to, and names what it folds when not', () => {
    const folded = planText(upgradePlan(), { width: 100, color: false }).join('\n');
    const full = planText(upgradePlan(), { width: 100, color: false, full: true }).join('\n');
    expect(folded).toMatch(/… and \d+ more: .*libpart01/);
    expect(full).toMatch(/~ libpart16 +1\.2-3 → 1\.2-4/);
    expect(full).not.toContain('more:');
  });

  it('begins with the same version that has other bytes', () => {
    expect(planText(upgradePlan(), { width: 100, color: false }).slice(0, 2)).toEqual([
      'Look at these first:',
      expect.stringMatching(/^ {2}! python: rapidocr 1\.4\.4 \([0-9a-f]{12} → [0-9a-f]{12}\)$/),
    ]);
  });
});

it('says in one line that nothing changes', () => {
  expect(planText(diffLocks(aLock(), aLock()), { width: 80, color: false })).toEqual(['No changes.']);
  expect(planMarkdown(diffLocks(aLock(), aLock()))).toBe('### cogplan: No changes.\n');
});

describe('hostile names', () => {
  it('cannot move the cursor or turn the text', () => {
    const text = planText(HOSTILE, { width: 100, color: false, full: true }).join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  it('are text in HTML, which fetches and runs nothing', () => {
    const html = planHtml(HOSTILE);
    const names: string[] = [];
    const walk = (
      nodes: readonly { readonly type: string; readonly name?: string; readonly children?: unknown }[],
    ): void => {
      for (const node of nodes) {
        if (node.name !== undefined) names.push(node.name);
        if (Array.isArray(node.children)) walk(node.children);
      }
    };
    walk(parseDocument(html).children as never);
    expect(names).not.toContain('script');
    expect(names).not.toContain('img');
    expect(html).toContain("default-src 'none'");
    expect(planHtml(upgradePlan())).not.toMatch(/(?:src|@import|url)\s*[=(]/);
  });

  it('neither mention people nor leave their cell in Markdown', () => {
    const markdown = planMarkdown(HOSTILE);
    const row = markdown.split('\n').find((line) => line.startsWith('| added'));
    expect(row).toBeDefined();
    expect(row?.replace(/\\\|/g, '').split('|').length).toBe(
      markdown
        .split('\n')
        .find((line) => line.startsWith('|  |') || line.startsWith('| ---'))
        ?.split('|').length,
    );
    expect(markdown).not.toContain('<script>');
  });
});

it('cuts Markdown to what a comment holds, and says so', () => {
  const packages = Array.from({ length: 3000 }, (_, index) =>
    aWheel(`package-${String(index).padStart(4, '0')}`, '1.0'),
  );
  const plan = diffLocks(
    aLock({}, { python: { indexes: [], packages: [] } }),
    aLock({}, { python: { indexes: [], packages } }),
  );
  const markdown = planMarkdown(plan);
  expect(markdown.length).toBeLessThan(65_536);
  expect(markdown).toContain('3000 more changes do not fit');
});

describe('an upgrade of examples/ocr, recorded by scripts/record-upgrade.mjs', () => {
  const read = (name: string): string => readFileSync(new URL(`${GOLDEN}/ocr/${name}`, import.meta.url), 'utf8');
  const plan = parsePlan(read('plan.json'), 'plan.json');
  const before = parseLock(read('before.lock'), 'before.lock');

  it('is a plan from the one lock to the other', () => {
    expect(plan.before).toBe(lockDigest(before));
    expect(applyPatch(before as unknown as Json, plan.patch)).toEqual(plan.lock);
    const again = diffLocks(before, plan.lock, { mode: 'upgrade' });
    expect(again.changes.map(({ id, kind }) => [id, kind])).toEqual(plan.changes.map(({ id, kind }) => [id, kind]));
  });

  it('is told as recorded', async () => {
    const lines = planText(plan, { width: 100, color: false });
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`${GOLDEN}/ocr/plan.txt`);
    await expect(planMarkdown(plan)).toMatchFileSnapshot(`${GOLDEN}/ocr/plan.md`);
    await expect(planHtml(plan)).toMatchFileSnapshot(`${GOLDEN}/ocr/plan.html`);
  });
});
