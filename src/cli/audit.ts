import { checkModel } from '../apply/check-model.ts';
import { openSandbox } from '../apply/sandbox/open-sandbox.ts';
import { audit } from '../audit/audit.ts';
import { auditImage } from '../audit/audit-image.ts';
import { replayTrust } from '../audit/trust.ts';
import { withIndexCredentials } from '../plan/python/with-index-credentials.ts';
import { parseReference } from '../sources/oci/reference.ts';
import { openProjectPython } from '../spec/project-python.ts';
import { forPlatform } from './foreign-platform.ts';
import { requireLockFile, withProject } from './project-lock.ts';
import { readProjectSpec } from './project-spec.ts';
import { type CommonOptions, platformOf, print, printJson, projectDirectory, withSession } from './session.ts';

interface AuditOptions extends CommonOptions {
  readonly platform?: string;
  readonly trust?: boolean;
  readonly image?: string;
  readonly sandbox?: 'bubblewrap' | 'docker';
}

export async function auditVerb(argument: readonly string[], options: AuditOptions): Promise<number> {
  if (options.trust === true) return auditTrust(argument, options);
  if (options.image !== undefined) return auditPushed(argument, { ...options, image: options.image });
  const directory = projectDirectory(argument);
  return withSession({ ...options, directory }, async ({ context, json }) => {
    const lock = await requireLockFile(directory);
    const platform = platformOf(options);
    const image = lock.targets[platform]?.image;
    // The lock is enough for an audit; what the project says of its indexes is of use where their files have to be fetched.
    const spec = await readProjectSpec(directory, { lock }).catch(() => undefined);
    const python = await openProjectPython(directory);
    const labels = image === undefined ? {} : await checkModel(context, { image, python, cold: true });
    const report = await withProject(context, directory, () =>
      forPlatform(platform, () =>
        audit(spec === undefined ? context : withIndexCredentials(context, spec), {
          lock,
          platform,
          projectDirectory: directory,
          labels,
          openSandbox: () => openSandbox(context, { tools: lock.tools, kind: options.sandbox }),
        }),
      ),
    );
    if (json) {
      printJson(report);
    } else {
      for (const { layer, status, diffId, sealed, difference } of report.layers) {
        print(`${status.padEnd(9)} ${layer} ${diffId}`);
        if (status === 'differs') print(`          sealed as ${sealed}`);
        if (difference !== undefined)
          print(
            `          first difference: ${difference.path}: ${difference.field}, ${difference.sealed} sealed, ${difference.rebuilt} now`,
          );
        else if (status === 'differs')
          print('          The sealed layer is not in the store, so the first difference cannot be named.');
      }
      print(
        report.clean ? `Every seal was reproduced: image ${report.imageId}` : 'The image is not what the lock seals.',
      );
    }
    return report.clean ? 0 : 2;
  });
}

async function auditPushed(
  argument: readonly string[],
  options: AuditOptions & { readonly image: string },
): Promise<number> {
  const directory = projectDirectory(argument);
  const reference = parseReference(options.image.replace(/^registry:/, ''));
  return withSession({ ...options, directory }, async ({ context, json }) => {
    const lock = await requireLockFile(directory);
    const report = await auditImage(context, { lock, platform: platformOf(options), reference });
    if (json) {
      printJson(report);
      return report.clean ? 0 : 2;
    }
    for (const { subject, expected, found } of report.differences) {
      print(`differs   ${subject}`);
      print(`          the lock:  ${expected ?? 'nothing'}`);
      print(`          the image: ${found ?? 'nothing'}`);
    }
    print(
      report.clean
        ? `${report.image}@${report.manifestDigest} is what the lock seals: image ${report.imageId}`
        : `${report.image}@${report.manifestDigest} is not what the lock seals.`,
    );
    return report.clean ? 0 : 2;
  });
}

async function auditTrust(argument: readonly string[], options: AuditOptions): Promise<number> {
  const directory = projectDirectory(argument);
  return withSession({ ...options, offline: true }, async ({ context, json }) => {
    const lock = await requireLockFile(directory);
    const report = await replayTrust(context, { lock, platform: platformOf(options) });
    if (json) {
      printJson(report);
      return report.clean ? 0 : 2;
    }
    for (const { url, suite, component, date, signers } of report.archives) {
      print(`${`${suite} ${component}`.padEnd(24)} ${date}  ${url}`);
      for (const signer of signers) print(`${''.padEnd(24)} signed by ${signer}`);
    }
    for (const { code, message } of report.problems) print(`${code}: ${message}`);
    print(
      report.clean
        ? `All ${report.proved} Debian packages lead to a signature.`
        : `${report.proved} Debian packages lead to a signature; ${report.problems.length} links of the chain are broken.`,
    );
    return report.clean ? 0 : 2;
  });
}
