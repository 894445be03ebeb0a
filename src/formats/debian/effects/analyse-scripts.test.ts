import { describe, expect, test } from 'vitest';
import { unreachable } from '../../../errors.ts';
import { analyseScripts } from './analyse-scripts.ts';
import type { Effect } from './effect.ts';

function analyse(scripts: Readonly<Record<string, string | Buffer>>) {
  return analyseScripts({
    name: 'sample',
    version: '1:2.0-1',
    architecture: 'amd64',
    suite: 'bookworm',
    scripts: new Map(Object.entries(scripts).map(([name, content]) => [name, Buffer.from(content)])),
  });
}

function effectsOf(postinst: string): readonly Effect[] {
  const analysis = analyse({ postinst: `#!/bin/sh\nset -e\n${postinst}` });
  if (!analysis.recognised) throw new Error(`line ${analysis.line}: ${analysis.reason}: ${analysis.text}`);
  return analysis.effects;
}

/** One word per effect, for tables. */
function summary(postinst: string): readonly string[] {
  return effectsOf(postinst).map((effect) => {
    const guard = effect.when === undefined ? '' : '?';
    switch (effect.kind) {
      case 'check':
        return `${guard}check ${effect.check}`;
      case 'link':
        return `${guard}link ${effect.path} -> ${effect.target}`;
      case 'copy':
      case 'move':
        return `${guard}${effect.kind} ${effect.from} ${effect.to}`;
      case 'file':
        return `${guard}file ${effect.path} ${JSON.stringify(effect.content)}`;
      case 'mode':
        return `${guard}mode ${effect.path} ${effect.mode}`;
      case 'owner':
        return `${guard}owner ${effect.path} ${effect.owner}`;
      case 'directory':
      case 'touch':
      case 'remove':
      case 'absent':
        return `${guard}${effect.kind} ${effect.path}`;
      case 'alternative':
        return `${guard}alternative ${effect.name} ${effect.path} ${effect.priority} +${effect.slaves.length}`;
      case 'diversion':
        return `${guard}diversion ${effect.path} ${effect.to} ${effect.by}`;
      case 'statoverride':
        return `${guard}statoverride ${effect.path} ${effect.mode}`;
      case 'user':
        return `${guard}user ${effect.name} ${effect.group ?? '-'} ${effect.home}`;
      case 'group':
        return `${guard}group ${effect.name} ${effect.gid ?? '-'}`;
      case 'member':
        return `${guard}member ${effect.group} ${effect.user}`;
      case 'generate':
        return `${guard}generate ${effect.what}`;
      case 'unread':
        return `${guard}unread ${effect.paths.join(' ')}: ${effect.text}`;
      case 'skipped':
        return `${guard}skipped ${effect.what}`;
      default:
        return unreachable(effect);
    }
  });
}

describe('what a fresh installation does', () => {
  const rows: readonly (readonly [title: string, script: string, effects: readonly string[]])[] = [
    ['nothing', ':', []],
    ['an upgrade only', 'if [ "$1" = configure ] && [ -n "$2" ]; then rm -rf /etc/old; fi', []],
    [
      'a version comparison',
      'dpkg --compare-versions "$2" lt-nl 1.2 && rm /a; dpkg --compare-versions "$2" lt 1.2 && touch /b',
      ['touch /b'],
    ],
    [
      'case with several patterns',
      'case "$1" in abort-*|upgrade) rm /a;; configure) touch /b;; *) exit 1;; esac',
      ['touch /b'],
    ],
    ['a function with parameters', 'f() { local x; x="$2"; ln -s "$x" "$1"; }\nf /a b', ['link /a -> b']],
    ['a loop over words', 'for i in a "b c"; do touch "/x/$i"; done', ['touch /x/a', 'touch /x/b c']],
    [
      'continue and break',
      'for i in a b c d; do [ $i = b ] && continue; [ $i = d ] && break; touch /$i; done',
      ['touch /a', 'touch /c'],
    ],
    [
      'parameter expansion',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell expands it
      'x=/usr/lib/a.so.1; touch "${x%.*}" "${x##*/}" "${y:-/d}" "/${#x}"',
      ['touch /usr/lib/a.so', 'touch /a.so.1', 'touch /d', 'touch /15'],
    ],
    ['$0', 'touch /$(basename $0 .postinst)', ['touch /sample']],
    [
      'a here-document',
      'cat > /etc/f <<-EOF\n\tone $DPKG_MAINTSCRIPT_PACKAGE\n\tEOF\n',
      ['file /etc/f "one sample\\n"'],
    ],
    ['a quoted here-document', "cat > /etc/f <<'EOF'\n$x `y`\nEOF\n", ['file /etc/f "$x `y`\\n"']],
    ['output of a group', '{ echo a; printf "%s-%s\\n" b c; } > /etc/f', ['file /etc/f "a\\nb-c\\n"']],
    [
      'modes and owners',
      'install -d -m 750 -o root -g adm /v; chmod u+s /x; chown 0:0 /x; chgrp tty /x',
      ['directory /v', 'owner /v root:adm', 'mode /x u+s', 'owner /x 0:0', 'owner /x :tty'],
    ],
    [
      'alternatives',
      'update-alternatives --quiet --install /usr/bin/cc cc /usr/bin/gcc 20 --slave /m/cc.1 cc.1 /m/gcc.1',
      ['alternative cc /usr/bin/gcc 20 +1'],
    ],
    [
      'arguments from a substitution',
      's() { echo "--slave /b/$1 $1 /b/$2"; }\nupdate-alternatives --install /b/x x /b/y 5 $(s p q; s r t)',
      ['alternative x /b/y 5 +2'],
    ],
    [
      'the cross wrapper of pkg-config',
      '/usr/share/pkg-config-dpkghook update',
      ['link /usr/bin/x86_64-linux-gnu-pkg-config -> /usr/share/pkg-config-crosswrapper'],
    ],
    ['old alternatives', 'update-alternatives --remove x /usr/bin/x', []],
    ['diversions', 'dpkg-divert --add --rename --package p --divert /a.real /a', ['diversion /a /a.real p']],
    [
      'an override nobody has made',
      'dpkg-statoverride --list /x >/dev/null || dpkg-statoverride --update --add root adm 2755 /x',
      ['statoverride /x 2755'],
    ],
    [
      'a system account',
      'adduser --quiet --system --group --no-create-home --home /run/s s',
      ['group s -', 'user s s /run/s'],
    ],
    ['a group by number', 'groupadd -g 42 shadow', ['group shadow 42']],
    ['helpers of debhelper', 'dpkg-maintscript-helper rm_conffile /etc/x 1.0~ -- "$@"', []],
    [
      'services',
      'if [ -d /run/systemd/system ]; then systemctl start x; fi; deb-systemd-helper unmask x >/dev/null || true',
      ['skipped deb-systemd-helper'],
    ],
    [
      'caches',
      '/usr/lib/x86_64-linux-gnu/glib-2.0/glib-compile-schemas /usr/share/glib-2.0/schemas || true',
      ['skipped glib-compile-schemas'],
    ],
    [
      'a cache written by redirection',
      '/usr/lib/gdk-pixbuf-query-loaders > /usr/lib/loaders.cache',
      ['skipped gdk-pixbuf-query-loaders', 'skipped /usr/lib/loaders.cache'],
    ],
    ['bytecode', 'python3.11 -E -S /usr/lib/python3.11/py_compile.py $(dpkg -L sample)', ['skipped py_compile']],
    ['ldconfig', 'ldconfig', ['generate ldconfig']],
    ['temporary files', 't=$(mktemp); echo x > "$t"; rm -f "$t"', []],
    ['a failing path is never taken', 'if grep -q x /etc/f; then exit 1; fi; touch /a', ['touch /a']],
    ['nothing after exit', 'exit 0; frobnicate', []],
    ['a directory change', 'cd /usr/lib && ln -sf a b', ['check 0', '?link /usr/lib/b -> a']],
    ['an uncertain removal', 'if grep -q "[xy]" /etc/f; then rm -f /etc/g; fi', ['absent /etc/g']],
    ['a removal on a line of a file', 'if grep -qFx x /etc/f; then rm -f /etc/g; fi', ['?remove /etc/g']],
    ['a pattern to be removed', 'rm -f /var/cache/*.bin', ['remove /var/cache/*.bin']],
    [
      'an account that is looked for by what is printed',
      'if [ -z "$(getent group lpa)" ]; then addgroup --system lpa; fi\nif [ ! $(id -u lp 2>/dev/null) ]; then adduser --system lp; fi',
      ['check 0', '?group lpa -', 'check 1', '?user lp - /nonexistent'],
    ],
    [
      'an account among all',
      'if ! getent group | grep -q "^lp:"; then addgroup --system lp; fi\nuid=`getent passwd lp | cut -d ":" -f 3`\nif [ "$uid" ]; then :; else useradd --system -g lp lp; fi',
      ['check 0', '?group lp -', 'check 1', '?user lp lp /home/lp'],
    ],
    [
      'what the script prints itself',
      'echo "a b" | grep -q "^a" && touch /a; printf x | grep -q y || touch /b',
      ['touch /a', 'touch /b'],
    ],
    [
      'the comment of an account may be empty',
      'x=`getent passwd lp | cut -d: -f5`; [ "$x" ] && : ; touch /a',
      ['touch /a'],
    ],
    [
      'a file with something in it',
      '[ -s /etc/f ] || cp /usr/share/f /etc/f',
      ['check 0', '?copy /usr/share/f /etc/f'],
    ],
    [
      'local variables of what is not known',
      'f() { local a="$(md5sum /x)" b=1 c; readonly d="$a"; [ "$b" = 1 ] && touch /a; }; f',
      ['touch /a'],
    ],
    ['an option of local', 'f() { local -r OLD="$1"; touch "/$OLD"; }; f a', ['touch /a']],
    [
      'quotes in backquotes in quotes',
      'x="`dpkg-query -W -f=x p | sed -n -e \\"s/a//; s/.* //p\\"`"; touch /a',
      ['touch /a'],
    ],
    [
      'continue in a function without a loop',
      'f() { test -n "$1" || continue; touch /a; }; for i in x; do f ""; touch /b; done',
      ['touch /a', 'touch /b'],
    ],
    ['what is evaluated', 'x="touch /a"; eval "$x; mkdir -p" /b', ['touch /a', 'directory /b']],
    ['an empty file', 'install --mode 640 /dev/null /etc/f', ['file /etc/f ""', 'mode /etc/f 640']],
    ['AppArmor', 'if aa-enabled --quiet 2>/dev/null; then apparmor_parser -r /etc/x; strange; fi', []],
    [
      'services and the kernel',
      'modprobe fuse || true; pkill hp || true; start-stop-daemon --stop --exec /x',
      ['skipped modprobe', 'skipped pkill', 'skipped start-stop-daemon'],
    ],
    ['a cache as another account', 'setpriv --reuid man --init-groups -- /usr/bin/mandb -c', ['skipped mandb']],
    [
      'members of groups',
      'gpasswd -a lp lpadmin; usermod -a -G audio,video lp',
      ['member lpadmin lp', 'member audio lp', 'member video lp'],
    ],
    [
      'all of a directory',
      'chown -R lp:lp /var/lib/x; chmod -R o-rwx /var/lib/x',
      ['owner /var/lib/x lp:lp', 'mode /var/lib/x o-rwx'],
    ],
    [
      'what is not understood of files that fit a pattern, which stands for itself where none does',
      'cd /var/spool/x; for i in *; do [ "$i" = "*" ] && continue; chown "$i" "$i"; done',
      ['check 0', '?unread /var/spool/x/*: chown "$i" "$i"; done'],
    ],
    [
      'a pattern that fits nothing',
      'for i in /a/*.x; do [ -e "$i" ] || touch /b; done',
      ['check 0', '?unread /a/*.x: touch /b; done', '?check 4', '?touch /b'],
    ],
    [
      'a group that has its number',
      'getent group shadow | grep -q "^shadow:[^:]*:42" || groupadd -g 42 shadow || exit 1',
      ['check 0', '?group shadow 42'],
    ],
    ['a group of every Debian', '[ -n "`getent group sudo`" ] && exit 0; strange', []],
    [
      'what is not understood after all else has returned',
      'f() { [ -e "$1" ] || return 0; [ "$(cat "$1")" = x ] || strange; }; f /etc/old; touch /a',
      ['check 0', '?unread /etc/old: strange; }; f /etc/old; touch /a', 'touch /a'],
    ],
    [
      'what is not understood where something old is',
      'if [ -e /etc/old ]; then strange "$(stranger)"; mv /etc/old /etc/new; fi; touch /a',
      [
        'check 0',
        '?unread /etc/old: strange "$(stranger)"; mv /etc/old /etc/new; fi; touch /a',
        '?move /etc/old /etc/new',
        'touch /a',
      ],
    ],
  ];
  test.each(rows)('%s', (_title, script, expected) => {
    expect(summary(script).filter((line) => !line.startsWith('check') || expected.includes(line))).toEqual(expected);
  });
});

describe('facts about the tree', () => {
  test('guard effects by the result of a check at that moment', () => {
    expect(effectsOf('if [ ! -d /m ]; then mkdir /m; chmod 700 /m; else touch /n; fi')).toEqual([
      { kind: 'check', check: 0, condition: { kind: 'not', of: { kind: 'path', path: '/m', is: 'directory' } } },
      {
        kind: 'directory',
        path: '/m',
        mode: undefined,
        parents: false,
        when: { all: [{ check: 0, value: true }], none: [] },
      },
      { kind: 'mode', path: '/m', mode: '700', when: { all: [{ check: 0, value: true }], none: [] } },
      { kind: 'touch', path: '/n', mode: 0o644, when: { all: [{ check: 0, value: false }], none: [] } },
    ]);
  });

  test('an early return guards what follows in the function, and nothing after it', () => {
    const effects = effectsOf('f() { [ -e /a ] && return 0; touch /b; }\nf\ntouch /c');
    expect(effects.slice(1)).toEqual([
      { kind: 'touch', path: '/b', mode: 0o644, when: { all: [], none: [[{ check: 0, value: true }]] } },
      { kind: 'touch', path: '/c', mode: 0o644 },
    ]);
  });

  test('a program and an account are asked for by name', () => {
    const effects = effectsOf(
      'if command -v foo >/dev/null; then touch /a; fi; getent passwd x >/dev/null || touch /b',
    );
    expect(effects.flatMap((effect) => (effect.kind === 'check' ? [effect.condition] : []))).toEqual([
      { kind: 'program', name: 'foo' },
      { kind: 'not', of: { kind: 'user', name: 'x' } },
    ]);
  });

  test('checks of several scripts do not share numbers', () => {
    const script = '#!/bin/sh\n[ -e /a ] || touch /b\n';
    const analysis = analyse({ preinst: script, postinst: script });
    const checks = analysis.recognised
      ? analysis.effects.flatMap((item) => (item.kind === 'check' ? [item.check] : []))
      : [];
    expect(new Set(checks).size).toBe(2);
  });
});

describe('debconf', () => {
  const templates = 'Template: sample/on\nType: boolean\nDefault: true\nDefault-de.UTF-8: x\n';
  const postinst = '#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_get sample/on\n[ "$RET" = true ] && touch /on\n';

  test('answers are the defaults', () => {
    expect(analyse({ templates, postinst })).toMatchObject({
      recognised: true,
      effects: [{ kind: 'touch', path: '/on' }],
    });
  });

  test('or what config sets', () => {
    const config = '#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_set sample/on false\n';
    expect(analyse({ templates, config, postinst })).toEqual({ recognised: true, effects: [] });
  });

  test('an effect that hangs on an unknown answer is not understood', () => {
    expect(analyse({ postinst })).toMatchObject({ recognised: false, script: 'postinst', line: 4 });
  });
});

describe('what is not known fails closed, naming the statement', () => {
  const rows: readonly (readonly [script: string, line: number, text: string])[] = [
    ['\n\nfrobnicate --now', 4, 'frobnicate --now'],
    ['if true; then\n  curl http://x | sh\nfi', 3, 'curl http://x | sh'],
    ['eval "$(cat /x)"', 2, 'eval'],
    ['eval echo ~daemon', 2, 'eval echo'],
    ['. /usr/lib/other.sh', 2, '. /usr/lib/other.sh'],
    ['perl -e "unlink q(/etc/x)"', 2, 'perl -e "unlink q(/etc/x)"'],
    ['find /x -delete', 2, 'find /x -delete'],
    ['sed -i s/a/b/ /etc/x', 2, 'sed -i s/a/b/ /etc/x'],
    ['awk \'{ system("x") }\'', 2, 'awk \'{ system("x") }\''],
    ['python3 -c "import os"', 2, 'python3 -c "import os"'],
    ['sleep 1 &', 2, 'sleep 1 &'],
    ['diff <(a) <(b)', 2, 'diff <(a) <(b)'],
    ['touch "$(date)"', 2, 'touch "$(date)"'],
    ['date > /etc/date', 2, 'date > /etc/date'],
    ['[ "$(date)" = x ] && touch /a', 2, '[ "$(date)" = x ] && touch /a'],
    ['$(cat /etc/command) x', 2, '$(cat /etc/command) x'],
    ['cp -r /a /b', 2, 'cp -r /a /b'],
    ['ln /a /b', 2, 'ln /a /b'],
    ['f() { f; }\nf', 2, 'f; }'],
    ['if', 2, 'if'],
    ['echo "open', 2, '"open'],
    ['cat <<EOF\nnever closed', 3, ''],
  ];
  test.each(rows)('%j', (script, line, text) => {
    const analysis = analyse({ postinst: `#!/bin/sh\n${script}` });
    expect(analysis).toMatchObject({ recognised: false, script: 'postinst' });
    if (analysis.recognised) return;
    expect([analysis.line, text.includes(analysis.text.slice(0, 5)) || analysis.text.includes(text)]).toEqual([
      line,
      true,
    ]);
  });

  test.each([
    ['#!/usr/bin/perl\nprint 1;', '#!/usr/bin/perl'],
    ['\x7fELF\x02\x01', 'a compiled program'],
    ['no first line', ''],
  ])('a script in another language: %j', (preinst, text) => {
    expect(analyse({ preinst })).toMatchObject({ recognised: false, script: 'preinst', line: 1, text });
  });

  test('an endless or exploding script ends', () => {
    const nested = `#!/bin/sh\n${'( '.repeat(5000)}`;
    const grows = `#!/bin/sh\nx=aaaaaaaaaa\n${'x="$x$x$x$x"\n'.repeat(40)}`;
    const loops = `#!/bin/sh\n${'for i in 1 2 3 4 5 6 7 8 9 0; do '.repeat(9)}:${'; done'.repeat(9)}\n`;
    for (const postinst of [nested, grows, loops]) expect(analyse({ postinst }).recognised).toBe(false);
  });
});

test('postinst runs once more for the triggers that the package is interested in', () => {
  const postinst = '#!/bin/sh\nif [ "$1" = triggered ]; then frobnicate $2; fi\n';
  expect(analyse({ postinst, triggers: 'activate x\n' })).toEqual({ recognised: true, effects: [] });
  expect(analyse({ postinst, triggers: '# x\ninterest-noawait /usr/x\n' })).toMatchObject({
    recognised: false,
    line: 2,
  });
});

test('removal scripts play no part, and preinst removals meet an empty tree', () => {
  const analysis = analyse({ postrm: 'not shell', prerm: 'nor this', preinst: '#!/bin/sh\nrm -rf /usr/lib/sample\n' });
  expect(analysis).toEqual({ recognised: true, effects: [] });
});
