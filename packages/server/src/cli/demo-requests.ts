/** Requests that try out the demo, one for each grant: curl commands for bash, each carrying on from those before it. */

export type DemoRequest = {
  readonly grant_type: string
  readonly title: string
  /** What a person does first, in a browser. */
  readonly first?: string
  /** One or more commands; pasted in order they work. */
  readonly commands: readonly string[]
}

/** The proof key of RFC 7636 appendix B: fixed, so that it can be printed; a real client makes one for each request. */
export const demoProofKey = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const

/** Reads a member of the JSON in $ANSWER into a variable; sed, since not everyone has jq. */
const keep = (variable: string, member: string): string =>
  `${variable}=$(printf '%s' "$ANSWER" | sed -n 's/.*"${member}": *"\\([^"]*\\)".*/\\1/p')`

/** curl's words for a form; values are quoted for the shell, and `$NAME` stays open to it. */
const post = (url: string, form: Readonly<Record<string, string>>, credentials?: string): string =>
  [
    "curl -s -w '\\n'",
    ...(credentials === undefined ? [] : [`-u ${credentials}`]),
    url,
    ...Object.entries(form).map(([name, value]) => `--data-urlencode "${name}=${value}"`),
  ].join(' \\\n  ')

const answer = (command: string): string => `ANSWER=$(${command}); echo "$ANSWER"`

/** The address that begins the authorization code flow of the demo's web client. */
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

/** The request that exchanges the code; `$CODE` is set before. */
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

/** @param redirectUri where the demo shows codes. */
export function demoRequests(issuer: string, redirectUri: string): readonly DemoRequest[] {
  const token = `${issuer}/connect/token`
  return [
    {
      grant_type: 'client_credentials',
      title: 'A service on its own behalf',
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
      title: "A user's name and password (of alice of tenant acme, then of alice without a tenant)",
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
      title: "An extension grant: a worker exchanges the user's token for one of its own (RFC 8693)",
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
        'echo "Open this, sign in as alice / alice and allow it:"; ' +
          `printf '%s\\n' "$ANSWER" | sed -n 's/.*"verification_uri_complete": *"\\([^"]*\\)".*/\\1/p'`,
        `# Then ask for the token (before that the answer is authorization_pending):\n${post(token, {
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          client_id: 'tv',
          device_code: '$DEVICE',
        })}`,
      ],
    },
    {
      grant_type: 'authorization_code',
      title: 'A user in a browser',
      first: `Open this in a browser, sign in as alice / alice; the page that follows shows the code:\n${demoAuthorizationUrl(issuer, redirectUri)}`,
      commands: ['CODE=PASTE_HERE', demoCodeExchange(issuer, redirectUri)],
    },
  ]
}

/** Pages that the user of the demo opens without a client. */
export const demoPages = (issuer: string) =>
  ({ account: `${issuer}/account`, signOut: `${issuer}/connect/endsession` }) as const

export function formatDemoPages(issuer: string): string {
  const { account, signOut } = demoPages(issuer)
  return [
    '# In the same browser: the account with its sessions, consents and passkeys, then the way out:',
    `# ${account}`,
    `# ${signOut}`,
  ].join('\n')
}

/** What `tessera demo` prints of the grants. */
export const formatDemoRequests = (requests: readonly DemoRequest[]): string =>
  requests
    .map(({ grant_type, title, first, commands }) =>
      [`# ${title}: ${grant_type}`, ...(first ? [first.replace(/^/gm, '# ')] : []), ...commands].join('\n'),
    )
    .join('\n\n')
