import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';

/** A certificate authority that lives as long as one step runs. */
export interface Authority {
  /** PEM of its certificate. */
  readonly certificate: string;
  /** What a server of the host's name shows. */
  contextFor(host: string): SecureContext;
}

const DAY = 86_400_000;

/** Makes an authority with a key of its own; neither leaves this process. */
export async function createAuthority(now: Date): Promise<Authority> {
  const { default: forge } = await import('node-forge');
  const { pki } = forge;
  const pair = () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return {
      privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    };
  };
  const [root, leaf] = [pair(), pair()];
  const rootKey = pki.privateKeyFromPem(root.privateKey);
  const issuer = [{ name: 'commonName', value: 'cogplan, for one step' }];
  const issue = (subject: typeof issuer, publicKey: string, extensions: object[]): string => {
    const certificate = pki.createCertificate();
    certificate.publicKey = pki.publicKeyFromPem(publicKey);
    // A positive number: the first bit is 0.
    certificate.serialNumber = `0${randomBytes(16).toString('hex').slice(1)}`;
    certificate.validity.notBefore = new Date(now.getTime() - DAY);
    certificate.validity.notAfter = new Date(now.getTime() + 7 * DAY);
    certificate.setSubject(subject);
    certificate.setIssuer(issuer);
    certificate.setExtensions(extensions);
    certificate.sign(rootKey, forge.md.sha256.create());
    return pki.certificateToPem(certificate);
  };
  const certificate = issue(issuer, root.publicKey, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  const contexts = new Map<string, SecureContext>();
  const contextFor = (host: string): SecureContext => {
    const known = contexts.get(host);
    if (known !== undefined) return known;
    const name = isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host };
    const cert = issue([{ name: 'commonName', value: host.slice(0, 60) }], leaf.publicKey, [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [name] },
    ]);
    const context = createSecureContext({ key: leaf.privateKey, cert: cert + certificate });
    contexts.set(host, context);
    return context;
  };
  return { certificate, contextFor };
}
