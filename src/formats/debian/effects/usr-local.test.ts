import { expect, test } from 'vitest';
import { analyseScripts } from './analyse-scripts.ts';
import { writeOutUsrLocal } from './usr-local.ts';

const LOOP = `# Automatically added by dh_usrlocal/14.5
if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ] || [ "$1" = "abort-deconfigure" ] || [ "$1" = "abort-remove" ]; then
(
	default_mode=0755
	default_user=root
	default_group=root
	if [ -e /etc/staff-group-for-usr-local ]; then
		default_mode=02775
		default_group=staff
	fi
	while read -r line; do
		# shellcheck disable=SC2086
		set -- $line
		dir="$1"; mode="$2"; user="$3"; group="$4"
		if [ "$mode" = "default" ]; then
			mode="$default_mode"
			user="$default_user"
			group="$default_group"
		fi
		if [ ! -e "$dir" ]; then
			if mkdir "$dir" 2>/dev/null; then
				if chown "$user":"$group" "$dir" ; then
					chmod "$mode" "$dir" || true
				fi
			fi
		fi
	done
) << DATA
/usr/local/share default
/usr/local/share/tool default
DATA
fi
# End automatically added section
`;
const SCRIPT = `#!/bin/sh\nset -e\n${LOOP}unknown-command\n`;

function analyse(postinst: string) {
  const scripts = new Map([['postinst', Buffer.from(postinst)]]);
  return analyseScripts({ name: 'tool', version: '1', architecture: 'amd64', suite: 'forky', scripts });
}

test('directories below /usr/local are made where they are not there, and lines keep their numbers', () => {
  const analysis = analyse(`#!/bin/sh\nset -e\n${LOOP}`);
  if (!analysis.recognised) throw new Error(analysis.reason);
  const made = analysis.effects.flatMap((effect) => (effect.kind === 'directory' ? [effect.path] : []));
  expect(made).toEqual(['/usr/local/share', '/usr/local/share/tool']);
  expect(analyse(SCRIPT)).toMatchObject({
    recognised: false,
    line: SCRIPT.split('\n').indexOf('unknown-command') + 1,
    text: 'unknown-command',
  });
});

test.each([
  ['another loop', LOOP.replace('chmod "$mode"', 'chmod 4755')],
  ['a directory elsewhere', LOOP.replace('/usr/local/share/tool default', '/etc default')],
  ['a way out', LOOP.replace('/usr/local/share/tool', '/usr/local/../x')],
  ['a command in a name', LOOP.replace('/usr/local/share/tool', '/usr/local/$(reboot)')],
  ['another owner', LOOP.replace('tool default', 'tool 2775 root staff')],
])('%s is left as it stands, and refused', (_, loop) => {
  expect(writeOutUsrLocal(loop)).toBe(loop);
  expect(analyse(`#!/bin/sh\n${loop}`).recognised).toBe(false);
});
