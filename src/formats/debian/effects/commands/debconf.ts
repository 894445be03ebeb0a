import type { Command } from '../shell.ts';
import { joinValues, UNKNOWN } from '../value.ts';

/**
 * debconf's shell library (confmodule(3)) with the noninteractive frontend: nothing is asked, answers are the defaults of the
 * package's templates or what its scripts set, and the question database is not kept.
 */
const db_get: Command = (shell, [question]) => {
  const answer = typeof question === 'string' ? shell.subject.answers.get(question) : undefined;
  shell.setVariable('RET', answer ?? UNKNOWN);
  return answer === undefined ? 'unknown' : true;
};

const db_set: Command = (shell, [question, value]) => {
  if (typeof question !== 'string') return shell.fail('the name of a question is not known');
  const { answers } = shell.subject;
  answers.set(question, shell.certain ? (value ?? '') : joinValues(answers.get(question), value));
  return true;
};

const db_fget: Command = (shell) => {
  shell.setVariable('RET', 'false');
  return true;
};

const db_metaget: Command = (shell) => {
  shell.setVariable('RET', UNKNOWN);
  return 'unknown';
};

/** No question is shown, which debconf reports with status 30. */
const db_input: Command = () => false;

const succeed: Command = () => true;

export const DEBCONF_COMMANDS: Readonly<Record<string, Command>> = {
  db_beginblock: succeed,
  db_capb: succeed,
  db_clear: succeed,
  db_endblock: succeed,
  db_fget,
  db_fset: succeed,
  db_get,
  db_go: succeed,
  db_info: succeed,
  db_input,
  db_metaget,
  db_purge: succeed,
  db_register: succeed,
  db_reset: succeed,
  db_set,
  db_settitle: succeed,
  db_stop: succeed,
  db_subst: succeed,
  db_title: succeed,
  db_unregister: succeed,
  db_version: succeed,
};
