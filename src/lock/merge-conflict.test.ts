import { describe, expect, it } from 'vitest';
import { splitConflict } from './merge-conflict.ts';

describe('splitConflict', () => {
  it.each([
    ['the default style', '<<<<<<< HEAD\nb1\n=======\nb2\n>>>>>>> topic\n'],
    ['diff3', '<<<<<<< HEAD\nb1\n||||||| 1a2b3c4\nb0\n=======\nb2\n>>>>>>> topic\n'],
    ['Windows line ends', '<<<<<<< HEAD\r\nb1\r\n=======\r\nb2\r\n>>>>>>> topic\r\n'],
  ])('gives both whole texts: %s', (_name, conflict) => {
    expect(splitConflict(`a\n${conflict}c\n`)).toEqual({
      ours: 'a\nb1\nc\n',
      theirs: 'a\nb2\nc\n',
      oursName: 'HEAD',
      theirsName: 'topic',
    });
  });

  it('takes several conflicts, and sides that are empty', () => {
    const text = '<<<<<<< HEAD\n=======\nx\n>>>>>>> t\nm\n<<<<<<< HEAD\ny\n=======\n>>>>>>> t';
    expect(splitConflict(text)).toMatchObject({ ours: 'm\ny', theirs: 'x\nm' });
  });

  it.each([
    ['no marker', 'a\nb\n'],
    ['an opening marker alone', '<<<<<<< HEAD\na\n'],
    ['markers that do not pair up', 'a\n=======\nb\n>>>>>>> topic\n'],
    ['a line of equal signs', 'title\n=======\n'],
  ])('leaves alone what holds %s', (_name, text) => {
    expect(splitConflict(text)).toBeUndefined();
  });
});
