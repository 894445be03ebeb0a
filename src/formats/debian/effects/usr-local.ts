/*
 * What debhelper's dh_usrlocal writes into scripts: a loop that reads directories from a here-document. The loop is always the same, so it is known as a
 * whole, and the directories are what counts.
 */

const LOOP = `if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ] || [ "$1" = "abort-deconfigure" ] || [ "$1" = "abort-remove" ]; then
(
	default_mode=0755
	default_user=root
	default_group=root
	if [ -e /etc/staff-group-for-usr-local ]; then
		default_mode=02775
		default_group=staff
	fi
	while read line; do
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
`;
const SECTION = /^# Automatically added by dh_usrlocal\/[\w.+~-]+\n([\s\S]*?^\) << DATA\n)([\s\S]*?)^DATA\nfi$/gm;
const DIRECTORY = /^(\/usr\/local(?:\/[A-Za-z0-9._+-]+)*) default$/;

/** A script whose loops of that kind are written out, each directory by itself, on as many lines as before. Anything else stays as it is. */
export function writeOutUsrLocal(text: string): string {
  return text.replace(SECTION, (section: string, loop: string, data: string) => {
    const lines = data.trimEnd().split('\n');
    const paths = lines.map((line) => DIRECTORY.exec(line)?.[1]);
    if (plain(loop) !== LOOP || paths.some((path) => path === undefined || path.includes('/..'))) return section;
    const commands = paths.map((path) => `if [ ! -e ${path} ]; then mkdir ${path}; chmod 0755 ${path}; fi`);
    const written = `if [ "$1" = "configure" ]; then ${commands.join('; ')}; fi`;
    return written + '\n'.repeat(section.split('\n').length - 1);
  });
}

/** Debhelper of later releases reads with -r, and says why to shellcheck. */
function plain(loop: string): string {
  return loop.replace(/^\t+# .*\n/gm, '').replace('read -r line', 'read line');
}
