import { compareBytes } from '../../../canonical.ts';
import type { ConfiguredTree } from './configured-tree.ts';

const GHOSTSCRIPT = '/var/lib/ghostscript/fonts';
const LOCALES_HEADER = `# This file lists locales that you wish to have built. You can find a list
# of valid supported locales at /usr/share/i18n/SUPPORTED, and you can add
# user defined locales to /usr/local/share/i18n/SUPPORTED. If you change
# this file, you need to rerun locale-gen.


`;

/** Lists that are put together from what packages bring. */
export function writeGeneratedLists(tree: ConfiguredTree, generators: ReadonlyMap<string, readonly string[]>): void {
  if (generators.has('gs-fontmap')) writeFontMaps(tree);
  if (generators.has('locale-list')) writeLocaleList(tree);
}

/** The fonts of Ghostscript, as update-gsfontmap(8) joins the pieces of packages. */
function writeFontMaps(tree: ConfiguredTree): void {
  if (tree.getTarget('/usr/sbin/update-gsfontmap') === undefined) return;
  for (const [name, directory] of [
    ['cidfmap', '/etc/ghostscript/cidfmap.d'],
    ['Fontmap', '/etc/ghostscript/fontmap.d'],
  ] as const) {
    const files = [...tree.list(directory)].filter((file) => file.endsWith('.conf') && !file.startsWith('.'));
    const pieces = files.sort(compareBytes).map((file) => tree.read(`${directory}/${file}`) ?? Buffer.alloc(0));
    tree.generate(`${GHOSTSCRIPT}/${name}`, Buffer.concat(pieces));
  }
}

/** Every locale that locale-gen(8) could build, none of them chosen: C.UTF-8 comes with the C library. */
function writeLocaleList(tree: ConfiguredTree): void {
  if (tree.getTarget('/etc/locale.gen') !== undefined) return;
  const lines = (tree.readText('/usr/share/i18n/SUPPORTED') ?? '').split('\n');
  const locales = new Set(lines.filter((line) => /^[a-zA-Z]/.test(line)).map((line) => line.replace(/ +$/, '')));
  const listed = [...locales].sort(compareBytes).map((locale) => `# ${locale}\n`);
  tree.generate('/etc/locale.gen', LOCALES_HEADER + listed.join(''));
}
