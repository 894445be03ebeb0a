import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planHtml } from '../../src/cli/render/plan-html.ts';
import { diffLocks } from '../../src/plan/diff/diff-locks.ts';
import { anUpgrade } from '../builders/upgrade.ts';
import { inDirectory } from './cogplan.ts';

const PHONE = { width: 360, height: 640 };

let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});
afterAll(() => browser.close());

/** Opens the report of an upgrade as a file, and counts everything else that the page asks for. */
async function withReport(work: (page: Page, requests: readonly string[]) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const file = join(directory, 'plan.html');
    const { before, after } = anUpgrade();
    writeFileSync(file, planHtml(diffLocks(before, after, { mode: 'upgrade' })));
    const page = await browser.newPage({ viewport: PHONE });
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    await work(page, requests);
    await page.close();
  });
}

describe('the HTML report in a browser', () => {
  it('is one file, and what deserves a look stands on the first screen of a phone', async () => {
    await withReport(async (page, requests) => {
      expect(requests.map((url) => new URL(url).protocol)).toEqual(['file:']);
      const alarm = page.locator('section.alarm');
      expect(await alarm.textContent()).toContain('same version, other bytes');
      const box = await alarm.boundingBox();
      expect(box === null ? PHONE.height : box.y).toBeLessThan(PHONE.height);
    });
  });

  it.each([PHONE, { width: 768, height: 1024 }, { width: 1440, height: 900 }])(
    'is never wider than the screen: $width',
    async (size) => {
      await withReport(async (page) => {
        await page.setViewportSize(size);
        await page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })");
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect(width).toBeLessThanOrEqual(size.width);
      });
    },
  );

  it('folds and unfolds by keyboard alone, with the focus in sight', async () => {
    await withReport(async (page) => {
      const details = page.locator('details').first();
      const isOpen = async () => (await details.getAttribute('open')) !== null;
      const before = await isOpen();
      for (let presses = 0; presses < 200; presses++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate("document.activeElement === document.querySelector('details > summary')")) break;
      }
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      expect(outline).not.toBe('none');
      await page.keyboard.press('Enter');
      expect(await isOpen()).toBe(!before);
      await page.keyboard.press('Enter');
      expect(await isOpen()).toBe(before);
    });
  });

  it('follows the reader to the dark, and text stays readable', async () => {
    await withReport(async (page) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const contrast = await page.evaluate(CONTRAST);
        expect(contrast, colorScheme).toBeGreaterThanOrEqual(4.5);
      }
    });
  });
});

/** The least contrast of any text with what lies behind it. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
const CONTRAST = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) =>
    [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    const page = document.body.appendChild(document.createElement('div'));
    page.style.backgroundColor = 'Canvas';
    const colour = rgba(getComputedStyle(page).backgroundColor);
    page.remove();
    return colour;
  };
  let least = 21;
  for (const element of document.querySelectorAll('main *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!own || element.getClientRects().length === 0) continue;
    const [one, other] = [luminance(rgba(getComputedStyle(element).color)), luminance(behind(element))];
    least = Math.min(least, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05));
  }
  return least;
})()`;
