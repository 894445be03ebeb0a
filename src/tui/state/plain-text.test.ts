import '../../../test/builders/fixed-seed.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, fitText, plainText, textWidth, wrapText } from './plain-text.ts';

describe('plainText', () => {
  it.each([
    ['numpy', 'numpy'],
    ['one\ntwo\tthree', 'one two three'],
    ['\u001b[31mred\u001b[0m', '\ufffd[31mred\ufffd[0m'],
    ['\u001b]0;title\u0007', '\ufffd]0;title\ufffd'],
    ['abc\u202ecba', 'abc\ufffdcba'],
    ['num\u200bpy', 'num\ufffdpy'],
    ['a\u0300\u0301\u0302\u0303\u0304\u0305\u0306', 'a\u0300\u0301\u0302\u0303'],
    ['https://user:secret@index.test/x', 'https://index.test/x'],
    ['\u05e9\u05dc\u05d5\u05dd', '\u05e9\u05dc\u05d5\u05dd'],
  ])('%j is shown as %j', (text, shown) => {
    expect(plainText(text)).toBe(shown);
  });
});

describe('fitText', () => {
  it.each([
    ['numpy', 8, 'numpy   '],
    ['numpy', 5, 'numpy'],
    ['numpy', 3, 'nu~'],
    ['\u6f22\u5b57\u6f22\u5b57', 5, '\u6f22\u5b57~'],
    ['\u6f22\u5b57\u6f22\u5b57', 4, '\u6f22~ '],
    ['numpy', 0, ''],
  ])('%j in %i cells', (text, width, fitted) => {
    expect(fitText(text, width)).toBe(fitted);
  });

  it('takes exactly its width, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, width) => {
        expect(textWidth(fitText(plainText(text), width))).toBe(width);
      }),
    );
  });
});

describe('wrapText', () => {
  it('breaks at spaces, and long words anywhere, with later lines indented', () => {
    expect(wrapText('asked for in requirements.txt', 12, '  ')).toEqual(['asked for in', '  requiremen', '  ts.txt']);
    expect(wrapText('', 10)).toEqual(['']);
  });

  it('keeps every character, in lines that fit', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), fc.integer({ min: 4, max: 40 }), (text, width) => {
        const lines = wrapText(text, width, '  ');
        for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });
});

it('cuts between characters, never inside one', () => {
  expect(cutText('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301~');
});
