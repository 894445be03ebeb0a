import { expect, test } from 'vitest';
import { explainUnavailable } from './explain-unavailable.ts';

const files = (values: Readonly<Record<string, string>>) => (file: string) =>
  Object.entries(values).find(([name]) => file.endsWith(name))?.[1];

test.each([
  [
    { unprivileged_userns_clone: '0\n' },
    'kernel.unprivileged_userns_clone is 0',
    'sysctl kernel.unprivileged_userns_clone=1',
  ],
  [{ max_user_namespaces: '0\n' }, 'user.max_user_namespaces is 0', 'sysctl user.max_user_namespaces=15000'],
  [
    { max_user_namespaces: '9\n', apparmor_restrict_unprivileged_userns: '1\n' },
    'kernel.apparmor_restrict_unprivileged_userns is 1',
    'sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  ],
])('%j is named with its value and the remedy', (values, cause, remedy) => {
  const found = explainUnavailable(files(values));
  expect(found.cause).toContain(cause);
  expect(found.remedy).toContain(remedy);
});

test('without a forbidding setting, all that was looked at is told', () => {
  const { cause } = explainUnavailable(files({ max_user_namespaces: '96365\n' }));
  expect(cause).toContain('user.max_user_namespaces is 96365');
  expect(cause).toContain('kernel.unprivileged_userns_clone is not there');
});
