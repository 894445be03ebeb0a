// Writes src/plan/tables/debian-keys/keys.json from an unpacked debian-archive-keyring package:
//   apt-get download debian-archive-keyring && dpkg-deb -x debian-archive-keyring_*.deb keyring
//   node scripts/generate-debian-keys.mjs keyring
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKey } from 'openpgp';

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
writeFileSync('src/plan/tables/debian-keys/keys.json', `${JSON.stringify(keys, null, 2)}\n`);
