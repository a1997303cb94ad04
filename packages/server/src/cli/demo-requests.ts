/** The output of the demo: URLs to open, and requests for each grant. All of it can be pasted into bash. */

import { demoSnippet, demoSnippetStart } from './demo-snippets.ts'

export type DemoRequest = {
  readonly grant_type: string
  readonly title: string
  /** To be run in order. Empty if a page shows them. */
  readonly commands: readonly string[]
}

/**
 * The proof key of RFC 7636 appendix B. It is fixed, so that the requests can be printed; a real client creates a new
 * one for each request.
 */
export const demoProofKey = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const

/** Returns a command that reads a member of the JSON in $ANSWER into a variable. Uses sed, since jq may be missing. */
const keep = (variable: string, member: string): string =>
  `${variable}=$(printf '%s' "$ANSWER" | sed -n 's/.*"${member}": *"\\([^"]*\\)".*/\\1/p')`

/**
 * Returns a form post by curl, on two lines. Values contain no special characters of forms or bash, except spaces and
 * `$NAME`, which bash replaces.
 */
const post = (url: string, form: Readonly<Record<string, string>>, credentials?: string): string =>
  [
    ["curl -sw '\\n'", ...(credentials === undefined ? [] : ['-u', credentials]), url].join(' '),
    Object.entries(form)
      .map(([name, value]) => `-d ${name}=${value.replaceAll(' ', '+')}`)
      .join(' '),
  ].join(' \\\n  ')

const answer = (command: string): string => `ANSWER=$(${command}); echo "$ANSWER"`

/** Returns the URL that starts the authorization code flow of the demo's web client. */
export const demoAuthorizationUrl = (issuer: string, redirectUri: string): string =>
  `${issuer}/connect/authorize?${new URLSearchParams({
    client_id: 'web',
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid profile invoices.read offline_access',
    code_challenge: demoProofKey.challenge,
    code_challenge_method: 'S256',
    state: 'demo',
    nonce: 'demo',
  })}`

/** Returns the request that exchanges the code in `$CODE`. */
export const demoCodeExchange = (issuer: string, redirectUri: string): string =>
  post(
    `${issuer}/connect/token`,
    {
      grant_type: 'authorization_code',
      code: '$CODE',
      redirect_uri: redirectUri,
      code_verifier: demoProofKey.verifier,
    },
    'web:secret-of-the-web',
  )

export function demoRequests(issuer: string): readonly DemoRequest[] {
  const token = `${issuer}/connect/token`
  return [
    {
      grant_type: 'client_credentials',
      title: 'A service with its own credentials',
      commands: [
        post(
          token,
          { grant_type: 'client_credentials', scope: 'invoices.read' },
          'machine:secret-of-machine',
        ),
      ],
    },
    {
      grant_type: 'password',
      title: 'A user name and password: alice of the tenant acme, then alice without a tenant',
      commands: [
        answer(
          post(
            token,
            { grant_type: 'password', username: 'alice', password: 'acme', acr_values: 'tenant:acme' },
            'legacy:secret-of-legacy',
          ),
        ),
        answer(
          post(
            token,
            {
              grant_type: 'password',
              username: 'alice',
              password: 'alice',
              scope: 'openid profile invoices.read reports offline_access',
            },
            'legacy:secret-of-legacy',
          ),
        ),
        keep('ACCESS', 'access_token'),
        keep('REFRESH', 'refresh_token'),
      ],
    },
    {
      grant_type: 'refresh_token',
      title: 'A new access token for the same user',
      commands: [
        post(token, { grant_type: 'refresh_token', refresh_token: '$REFRESH' }, 'legacy:secret-of-legacy'),
      ],
    },
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      title: "A worker exchanges the user's token for its own, by an extension grant",
      commands: [
        post(
          token,
          {
            grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
            subject_token: '$ACCESS',
            subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
            scope: 'reports',
          },
          'worker:secret-of-worker',
        ),
      ],
    },
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      title: 'A device without a keyboard',
      commands: [
        answer(
          post(`${issuer}/connect/deviceauthorization`, {
            client_id: 'tv',
            scope: 'openid profile invoices.read',
          }),
        ),
        keep('DEVICE', 'device_code'),
        keep('LINK', 'verification_uri_complete'),
        'echo "Open this, sign in as alice / alice and allow it: $LINK"',
        `# Then ask for the token. Until you allow it, the response is authorization_pending.\n${post(token, {
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          client_id: 'tv',
          device_code: '$DEVICE',
        })}`,
      ],
    },
    {
      grant_type: 'authorization_code',
      title: 'A user in a browser',
      commands: [],
    },
  ]
}

/** Returns pages that open without a client. */
export const demoPages = (issuer: string) =>
  ({
    account: `${issuer}/account`,
    mail: `${issuer}/dev/mail`,
    signOut: `${issuer}/connect/endsession`,
  }) as const

/** Returns the URLs to open in a browser, in a sensible order. */
export function formatDemoPages(issuer: string, redirectUri: string): string {
  const { account, mail, signOut } = demoPages(issuer)
  return [
    '# Open these in a browser and sign in as alice / alice.',
    '# 1. An application that asks for access:',
    `# ${demoAuthorizationUrl(issuer, redirectUri)}`,
    '# 2. Your account:',
    `# ${account}`,
    '# 3. Emails, which the demo shows instead of sending them:',
    `# ${mail}`,
    '# 4. Signing out:',
    `# ${signOut}`,
  ].join('\n')
}

/** Returns a request for each grant, to be run in this order, and the same in JavaScript as a comment. */
export const formatDemoRequests = (requests: readonly DemoRequest[]): string =>
  requests
    .filter(({ commands }) => commands.length > 0)
    .map(({ grant_type, title, commands }) =>
      [`# ${title} (${shortNameOf(grant_type)})`, ...commands, ...demoSnippet(grant_type)].join('\n'),
    )
    .join('\n\n')

/** Returns how to use the requests that follow. */
export const formatDemoUsage = (issuer: string): string =>
  [
    '# Or paste these requests into bash, in this order. The indented comments are the same in JavaScript, as one module:',
    ...demoSnippetStart(issuer),
  ].join('\n')

const shortNameOf = (grantType: string): string => grantType.split(':').at(-1) ?? grantType
