/** The requests of the demo in JavaScript, with `@tessera/client`. They are printed as comments beside the curl requests. */

const imports = [
  'import { acrValues, clientCredentials, clientSecretBasic, createClient, exchangeToken, password, pollDeviceToken,',
  "  refreshToken, startDeviceAuthorization, tokenTypes, unwrap } from '@tessera/client'",
]

const createConfidential = (name: string, client_id: string, secret: string): string =>
  `const ${name} = createClient({ issuer, client_id: '${client_id}', authentication: clientSecretBasic('${secret}') })`

/** Statements by `grant_type`, in the order of the requests: later ones use the constants of earlier ones. */
const statements: Readonly<Record<string, readonly string[]>> = {
  client_credentials: [
    createConfidential('machine', 'machine', 'secret-of-machine'),
    "console.log(unwrap(await clientCredentials(machine, { scope: 'invoices.read' })))",
  ],
  password: [
    createConfidential('legacy', 'legacy', 'secret-of-legacy'),
    "const acr_values = acrValues({ tenant: 'acme' })",
    "console.log(unwrap(await password(legacy, { username: 'alice', password: 'acme', acr_values })))",
    "const scope = 'openid profile invoices.read reports offline_access'",
    "const user = unwrap(await password(legacy, { username: 'alice', password: 'alice' }, { scope }))",
  ],
  refresh_token: ['console.log(unwrap(await refreshToken(legacy, user.refresh_token)))'],
  'urn:ietf:params:oauth:grant-type:token-exchange': [
    createConfidential('worker', 'worker', 'secret-of-worker'),
    'const subject = { subject_token: user.access_token, subject_token_type: tokenTypes.accessToken }',
    "console.log(unwrap(await exchangeToken(worker, subject, { scope: 'reports' })))",
  ],
  'urn:ietf:params:oauth:grant-type:device_code': [
    "const tv = createClient({ issuer, client_id: 'tv' })",
    "const device = unwrap(await startDeviceAuthorization(tv, { scope: 'openid profile invoices.read' }))",
    "console.log('Open this, sign in as alice / alice and allow it:', device.verification_uri_complete)",
    'console.log(unwrap(await pollDeviceToken(tv, device)))',
  ],
}

/** Returns the lines that the snippets of all grants need before them. */
export const demoSnippetStart = (issuer: string): readonly string[] =>
  asComments([...imports, `const issuer = '${issuer}'`])

/** Returns the snippet for a grant. It is empty if a page shows it. */
export const demoSnippet = (grantType: string): readonly string[] => asComments(statements[grantType] ?? [])

/** Returns the snippet that exchanges the code of the demo's web client. */
export const demoCodeSnippet = (
  issuer: string,
  redirectUri: string,
  code: string,
  codeVerifier: string,
): string =>
  [
    "import { authorizationCode, clientSecretBasic, createClient, unwrap } from '@tessera/client'",
    `const issuer = '${issuer}'`,
    createConfidential('web', 'web', 'secret-of-the-web'),
    'console.log(unwrap(await authorizationCode(web, {',
    `  code: ${JSON.stringify(code)},`,
    `  redirect_uri: '${redirectUri}',`,
    `  code_verifier: '${codeVerifier}',`,
    "  nonce: 'demo',",
    '})))',
  ].join('\n')

/** All output is bash, so that it can be pasted as it is. */
const asComments = (lines: readonly string[]): readonly string[] => lines.map(line => `#   ${line}`)
