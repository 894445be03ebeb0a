// Writes src/plan/tables/debian-keys/keys.json and ubuntu-keys.json from the unpacked packages debian-archive-keyring and ubuntu-keyring, which Debian's
// archive has both:
//   apt-get download debian-archive-keyring ubuntu-keyring
//   for deb in *-keyring_*.deb; do dpkg-deb -x $deb keyring; done
//   node scripts/generate-debian-keys.mjs keyring
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKey, readKeys } from 'openpgp';

const NAME = /^debian-archive-([a-z]+)-(automatic|security-automatic|stable)\.asc$/;
const ROLES = { automatic: 'archive', 'security-automatic': 'security', stable: 'release' };

const directory = join(process.argv[2], 'etc/apt/trusted.gpg.d');
const keys = [];
for (const file of readdirSync(directory).sort()) {
  const [, suite, role] = NAME.exec(file) ?? [];
  if (suite === undefined) throw new Error(`unknown key file ${file}`);
  const armored = readFileSync(join(directory, file), 'utf8');
  const key = await readKey({ armoredKey: armored });
  keys.push({
    fingerprint: key.getFingerprint().toUpperCase(),
    user: key.getUserIDs()[0],
    suite,
    role: ROLES[role],
    armored: armored.trimEnd().split('\n'),
  });
}
writeKeys('keys.json', keys);

const ubuntu = await readKeys({
  binaryKeys: readFileSync(join(process.argv[2], 'usr/share/keyrings/ubuntu-archive-keyring.gpg')),
});
writeKeys(
  'ubuntu-keys.json',
  ubuntu
    .map((key) => ({
      fingerprint: key.getFingerprint().toUpperCase(),
      user: key.getUserIDs()[0],
      armored: key.armor().trimEnd().split(/\r?\n/),
    }))
    // The ring has the key of installation images too, which signs no archive.
    .filter(({ user }) => user.startsWith('Ubuntu Archive ')),
);

function writeKeys(name, value) {
  writeFileSync(`src/plan/tables/debian-keys/${name}`, `${JSON.stringify(value, null, 2)}\n`);
}
