/**
 * Every identity that is compared: which inputs may be equal (spellings of one thing) and which must differ (two
 * things). Code that derives or normalizes an identity is found in the source, so an addition without a row fails.
 */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import { isUsername } from '../../packages/server/src/identity/accounts.ts'
import { countedKeys } from '../../packages/server/src/identity/counted-keys.ts'
import { isEmail } from '../../packages/server/src/identity/email-address.ts'
import { derivedSub } from '../../packages/server/src/identity/external-identity.ts'
import { preparePassword } from '../../packages/server/src/identity/password.ts'
import { guessedName } from '../../packages/server/src/identity/password-guesses.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { identityKey } from '../../packages/server/src/model/stored-user.ts'
import { createUserCodes } from '../../packages/server/src/pages/flow/user-code.ts'
import { networkOfAddress } from '../../packages/server/src/runtime/network.ts'
import { createTestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { assertCovers } from './coverage.ts'

const source = 'packages/server/src/'

/** Every match in the source, with its file. */
const scan = (pattern: RegExp): readonly { readonly file: string; readonly found: string }[] =>
  globSync(`${source}**/*.ts`).flatMap(path =>
    [...readFileSync(path, 'utf8').matchAll(pattern)].map(([whole, found = whole]) => ({
      file: path.slice(source.length),
      found,
    })),
  )

/**
 * Letters that are equal in one normalization form and not in another, that are invisible, or that look like others.
 */
const confusable = [
  ...['a', 'A', 'ａ', 'á', 'a\u0301', 'а', 'ª', 'k', 'K', 'ß', 'ẞ', 'ss', 'ſ', 'İ', 'i', 'ı', 'I', 'ﬁ', 'fi'],
  ...['σ', 'ς', 'Σ', '@', '＠', '﹫', '.', '．', '。', '\u200b', '\u00ad', '\u202e', '\ufe0f', '\u034f', ' '],
  ...['ä', 'a\u0308', 'xn--4ca', 'é', 'e\u0301', '%', '"', '","', '\\', '\u0000', '1', '１', '①', '²'],
]
/** Invisible letters that are no format characters (UAX #31 §2.3). */
const unseenLetters = ['\ufe0f', '\ufe00', '\u034f', '\u180b', '\u115f', '\u3164', '\u17b4', '\u{e0100}']
const text = fc.string({
  unit: fc.oneof(fc.constantFrom(...confusable), fc.string({ unit: 'grapheme', maxLength: 1 })),
  maxLength: 8,
})
const local = fc.string({
  unit: fc.constantFrom(...confusable.filter(one => !one.includes('@'))),
  minLength: 1,
  maxLength: 4,
})
const address = fc
  .tuple(local, local, fc.constantFrom('.example', '.com', '．com'))
  .map(([name, host, end]) => `${name}@${host}${end}`)

/** Returns an address of so many characters, with labels that a domain may have (RFC 5321 §4.5.3.1). */
const ofLength = (length: number): string => {
  const start = `${'a'.repeat(60)}@${`${'b'.repeat(58)}.`.repeat(3)}`
  return `${start}${'c'.repeat(length - start.length - '.example'.length)}.example`
}
const spellings = (one: string): readonly string[] =>
  ['NFC', 'NFD', 'NFKC', 'NFKD'].flatMap(form => [one.normalize(form), one.normalize(form).toUpperCase()])

type Row = { readonly check: () => void } | { readonly noIdentity: string }

/** Each file that folds case or normalizes letters. */
const folding: Readonly<Record<string, Row>> = {
  'administration/list.ts': { noIdentity: 'a filter of a list, which decides nothing' },
  'model/stored-user.ts': {
    check() {
      fc.assert(fc.property(text, one => assert.equal(identityKey(identityKey(one)), identityKey(one))))
      for (const [one, other] of [
        ['Dora', 'ｄORA'],
        ['é', 'e\u0301'],
        ['É', 'é'],
        ['Straße', 'STRAẞE'],
      ] as const)
        assert.equal(identityKey(one), identityKey(other))
      // Names that only look alike, or contain invisible letters, are other names; a valid name contains no
      // invisible letters.
      for (const [one, other] of [
        ['dora', 'dоra'],
        ['dora', 'd ora'],
        ['dóra', 'dora'],
        ['dora', 'dorа'],
      ] as const)
        assert.notEqual(identityKey(one), identityKey(other))
      for (const unseen of [
        '\u200b',
        '\u00ad',
        '\u202e',
        '\u2066',
        '\u0000',
        '\u2028',
        '\ufeff',
        ...unseenLetters,
      ])
        assert.equal(isUsername(`do${unseen}ra`), false)
    },
  },
  'identity/email-address.ts': {
    check() {
      // No two mailboxes are one address: equal addresses differ only in case.
      fc.assert(
        fc.property(fc.array(address, { minLength: 20, maxLength: 40 }), addresses => {
          const mailboxes = new Map<string, string>()
          for (const one of addresses.filter(isEmail)) {
            const first = mailboxes.get(identityKey(one)) ?? one
            assert.equal(one.toLowerCase().normalize('NFC'), first.toLowerCase().normalize('NFC'))
            mailboxes.set(identityKey(one), first)
          }
        }),
      )
      for (const foreign of [
        'dora@ｅxample.com',
        'dora@example。com',
        'dora＠example.com',
        'do\u200bra@example.com',
        'dora@mail.example。com',
        'dora@ex%61mple.com',
        'dora@0x7f.1',
        ofLength(255),
        ...unseenLetters.flatMap(unseen => [`dora@exam${unseen}ple.com`, `do${unseen}ra@example.com`]),
      ])
        assert.equal(isEmail(foreign), false, foreign)
      for (const own of [
        'dora@example.com',
        'Dora@EXAMPLE.com',
        'dora@ä.example',
        'd@Ä.example',
        'd@xn--4ca.example',
        ofLength(254),
      ])
        assert.equal(isEmail(own), true, own)
      // No spelling of a mailbox gets more mail than the others: the domain is the one to which mail is delivered.
      const domains = fc.tuple(local, fc.constantFrom('.example', '.com')).map(parts => parts.join(''))
      fc.assert(
        fc.property(fc.array(domains, { minLength: 20, maxLength: 40 }), hosts => {
          const counts = new Map<string, string>()
          for (const host of hosts.filter(one => isEmail(`dora@${one}`))) {
            const count = countedKeys.mailTo('sign_up', `dora@${host}`)
            assert.equal(counts.get(domainToASCII(host)) ?? count, count, host)
            counts.set(domainToASCII(host), count)
          }
        }),
      )
      assert.equal(
        countedKeys.mailTo('sign_up', 'A@xn--4ca.example'),
        countedKeys.mailTo('sign_up', 'a@ä.example'),
      )
      // The same mailbox with two spellings of its domain: two accounts of one owner, which give no access to each
      // other.
      assert.notEqual(identityKey('a@xn--4ca.example'), identityKey('a@ä.example'))
    },
  },
  'identity/password-guesses.ts': {
    check() {
      const nameOf = (username: string, tenant?: string, idp = 'local') =>
        guessedName({ idp, username, ...(tenant !== undefined && { tenant }) })
      // Every spelling of one account shares one count; inputs with one count need not be one account.
      fc.assert(
        fc.property(text, one => {
          for (const other of spellings(one))
            if (identityKey(other) === identityKey(one)) assert.equal(nameOf(other), nameOf(one))
        }),
      )
      // Spellings that a directory or database may treat as one name (RFC 4518 §2, RFC 3454 appendix B.2).
      for (const [one, ...others] of [
        ['strasse', 'straße', 'STRAẞE', 'ｓtraſſe'],
        ['bjorn', 'bjørn', 'Bjørn', 'björn'],
        ['lukasz', 'łukasz', 'ŁUKASZ'],
        ['aesop', 'æsop', 'Ǽsop'],
        ['bob', 'b\u1806ob', 'bo\ufffcb', 'b\u00a0ob', 'bo\u0085b'],
        ['さくら', 'サクラ', 'ｻｸﾗ'],
        ['nikos', 'nıkos', 'nİkos'],
      ] as const)
        for (const other of others) assert.equal(nameOf(other), nameOf(one), other)
      fc.assert(
        fc.property(text, text, text, (username, tenant, idp) => {
          assert.notEqual(nameOf(username, tenant), nameOf(username))
          // A directory has one user, whichever tenant the sign-in is for.
          if (idp !== 'local') assert.equal(nameOf(username, tenant, idp), nameOf(username, undefined, idp))
          if (idp !== 'local') assert.notEqual(nameOf(username, tenant, idp), nameOf(username, tenant))
        }),
      )
    },
  },
  'identity/password.ts': {
    check() {
      fc.assert(
        fc.property(text, one => assert.equal(preparePassword(one.normalize('NFD')), preparePassword(one))),
      )
      assert.notEqual(preparePassword('Secret'), preparePassword('secret'))
      assert.notEqual(preparePassword('secret '), preparePassword('secret'))
    },
  },
  'pages/flow/user-code.ts': {
    check() {
      const { make, normalise } = createUserCodes({
        derived: createDerivedKeys(new Uint8Array(32)),
        random: { bytes: size => crypto.getRandomValues(new Uint8Array(size)) },
      })
      const code = make()
      for (const typed of [code.toLowerCase(), code.replace('-', ''), ` ${code} `])
        assert.equal(normalise(typed), code)
      fc.assert(fc.property(text, one => assert.match(normalise(one) ?? 'BBBB-BBBB', /^[B-Z]{4}-[B-Z]{4}$/)))
    },
  },
  'identity/recovery-codes.ts': {
    noIdentity: 'a code is looked up by a MAC of the user and its letters, and guesses are counted by user',
  },
  'pages/flow/sign-in-options.ts': {
    noIdentity: 'the domain of a typed address chooses the page that asks for a password',
  },
  'identity/directory/directory-claims.ts': {
    noIdentity: 'names of attributes, which the operator configures (RFC 4512 §2.5)',
  },
  'model/distinguished-name.ts': {
    noIdentity:
      'RFC 4518 §2.3 prescribes how names of certificates and directories are compared, and a trusted authority issued them',
  },
  'identity/directory/directory.ts': {
    noIdentity: 'the key of a limit: spellings of one DN are counted together',
  },
  'app/dispatch.ts': {
    noIdentity: 'hosts are ASCII when they arrive, and DNS compares them so (RFC 4343)',
  },
  'model/host-pattern.ts': {
    noIdentity: 'hosts of redirect URIs, which an operator blocks: DNS compares them so (RFC 4343)',
  },
  'testing/cookie-jar.ts': {
    noIdentity: 'hosts of cookies of a simulated browser: hosts are compared so (RFC 6265bis §5.1.2)',
  },
  'clients/documents/freshness.ts': { noIdentity: 'the names of directives' },
  'http/cors.ts': { noIdentity: 'the names of headers' },
  'http/peer.ts': { noIdentity: 'the name of a header' },
  'http/exchange.ts': { noIdentity: 'an expectation, which is case-insensitive (RFC 9110 §10.1.1)' },
  'configuration/schema/deployment.ts': { noIdentity: 'the name of a header' },
  'configuration/explain.ts': { noIdentity: 'a hint for a misspelt key' },
  'configuration/rules/references.ts': { noIdentity: 'a hint for a misspelt grant' },
  'configuration/nearest.ts': { noIdentity: 'a hint for a misspelt key' },
  'configuration/schema/branding.ts': { noIdentity: 'the ending of a file' },
  'configuration/changed-defaults.ts': { noIdentity: 'the anchor of a heading' },
  'configuration/plan.ts': { noIdentity: 'the name of a key of this server' },
  'model/jose.ts': { noIdentity: 'a media type (RFC 7515 §4.1.9)' },
  'runtime/password-hash/ldap.ts': { noIdentity: 'the name of a hash' },
  'model/color.ts': { noIdentity: 'a color' },
  'endpoints/admin/request.ts': { noIdentity: 'a media type' },
  'endpoints/admin/entry-operations.ts': { noIdentity: 'words in a document' },
  'endpoints/admin/openapi.ts': { noIdentity: 'the name of a method in a document' },
  'authorization-request/request-uri.ts': { noIdentity: 'a media type' },
  'messages/bearer.ts': { noIdentity: 'the name of an authentication scheme' },
  'storage/sqlite/archive.ts': { noIdentity: 'a type of a column' },
}

test('identities: code that folds case or normalizes letters has a row', () => {
  const files = scan(/\.(?:normalize|toLowerCase|toUpperCase|localeCompare|toLocale\w+)\(/g)
    .map(({ file }) => file)
    // Importers fold names of formats. They compare users by identityKey, like the store.
    .filter(file => !file.startsWith('ui/') && !file.startsWith('migration/'))
  assertCovers(Object.keys(folding), files, 'comparison that folds letters')
})

for (const [file, row] of Object.entries(folding))
  if ('check' in row) test(`identities: ${file} confuses no two`, row.check)

test('identities: no two secrets are derived for the same purpose', () => {
  const purposes = scan(
    /(?:derive|permanent)\(\s*'([^']+)'|createSeals(?:<\w+>)?\(\s*'([^']+)'|createSealing\([^)]*purpose: '([^']+)'/g,
  )
  // These seal the same values as the rooms that own them.
  const shared = [
    'keys/reseal.ts',
    'app/stored-entries-check.ts',
    'app/user-import.ts',
    'app/account-services.ts',
  ]
  const places = purposes
    .filter(({ file }) => !shared.includes(file))
    .map(({ file, found }) => `${file} ${/'([^']+)'/.exec(found)?.[1] ?? found}`)
  const named = [...new Set(places)].map(place => place.slice(place.indexOf(' ') + 1))
  assert.ok(named.length > 15, `only ${named.length} were found`)
  assert.deepEqual(
    named.filter((name, index) => named.indexOf(name) !== index),
    [],
  )
  // Nor can a tenant's name collide with another issuer's: its secrets begin with a word that no purpose has.
  assert.deepEqual(
    named.filter(name => name.startsWith('tenant:') || / v2 (salt|message)$/.test(name)),
    [],
  )
})

/** The beginning of each attempt counter's key. All share one table. */
const counters = [
  ...['password of name', 'password at browser', 'password at known browsers'],
  ...[
    'second factor in minutes',
    'second factor in a day',
    'front-channel tokens',
    'all front-channel tokens',
  ],
  ...[
    'client assertion of ',
    'long client assertion of ',
    'reference token for ',
    'failures of ',
    'user code of one user',
    'password reset of account',
    'password reset of name',
    ' mail to ',
    ' from ',
  ],
]

test('identities: each attempt counter has a name that is no prefix of another counter’s key', () => {
  const found = scan(
    /key: (?:JSON\.stringify\(\['([^']+)'|`([^`]+)`)|=> (?:key\('([^']+)'|`([^`]+ mail to [^`]*)`)/g,
  )
    .filter(({ file }) => !file.startsWith('storage/'))
    .map(({ found: whole }) => whole)
    .map(whole => /'([^']+)'/.exec(whole)?.[1] ?? /`(?:\$\{[^}]+\})?([^`$]*)/.exec(whole)?.[1] ?? whole)
  assertCovers(counters, found, 'counter of attempts')
  const ofNetworks = scan(/networkKeys\(\s*'([^']+)'/g).map(({ found }) => found)
  assert.ok(ofNetworks.length >= 6, `only ${ofNetworks.length} were found`)
  // Two counters with one key would fill each other: those of users and of others are separate on purpose.
  assert.deepEqual(
    ofNetworks.filter((kind, index) => ofNetworks.indexOf(kind) !== index),
    [],
  )
  const whole = [
    ...counters.filter(name => !name.startsWith(' ')),
    ...ofNetworks.map(kind => `${kind} from `),
  ]
  for (const one of whole)
    assert.deepEqual(
      whole.filter(other => other !== one && other.startsWith(one)),
      [],
    )
})

const group = fc.integer({ min: 0, max: 0xffff })
const groups = fc
  .tuple(group, group, group, group, group, group, group, group)
  .chain(all =>
    fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]).map(zeros => all.map((one, at) => (zeros.includes(at) ? 0 : one))),
  )

function formsOf(all: readonly number[]): readonly string[] {
  const hex = all.map(one => one.toString(16))
  const [high = 0, low = 0] = all.slice(6)
  const dotted = [high >> 8, high & 255, low >> 8, low & 255].join('.')
  const short = new URL(`http://[${hex.join(':')}]`).hostname.slice(1, -1)
  const plain = [
    hex.join(':'),
    hex.map(one => one.padStart(4, '0')).join(':'),
    short,
    `${hex.slice(0, 6).join(':')}:${dotted}`,
  ]
  return plain.flatMap(one => [one, one.toUpperCase(), `${one}%eth0`])
}

test('identities: every spelling of an address is one network, and a mapped one is that of its IPv4 address [RFC 5952 §2]', () => {
  fc.assert(
    fc.property(groups, groups, (one, other) => {
      const networks = new Set(formsOf(one).map(networkOfAddress))
      assert.equal(networks.size, 1, JSON.stringify([...networks]))
      const isMapped = ([...all]: readonly number[]) =>
        ['0,0,0,0,0,65535', '100,65435,0,0,0,0'].includes(all.slice(0, 6).join())
      const prefix = (all: readonly number[]) => (isMapped(all) ? all.join() : all.slice(0, 4).join())
      const same = networks.has(networkOfAddress(formsOf(other)[0] ?? ''))
      assert.equal(same, prefix(one) === prefix(other) && isMapped(one) === isMapped(other))
    }),
  )
  fc.assert(
    fc.property(fc.ipV4(), ip => {
      for (const mapped of [`::ffff:${ip}`, `::FFFF:${ip}`, `0:0:0:0:0:ffff:${ip}`])
        assert.equal(networkOfAddress(mapped), ip)
      assert.equal(networkOfAddress(ip), ip)
    }),
  )
})

test('identities: two upstream users are never one, whatever provider, authority and id contain [OpenID Connect Core 1.0 §5.7]', () => {
  const identity = fc.tuple(text, text, text)
  const subOf = ([name, authority, id]: readonly [string, string, string]) =>
    derivedSub({ provider: { name, linking: 'none' } as never, authority, id, claims: {} })
  fc.assert(
    fc.property(identity, identity, (one, other) =>
      assert.equal(subOf(one) === subOf(other), JSON.stringify(one) === JSON.stringify(other)),
    ),
  )
})

test('identities: within a tenant, no name or verified address identifies two accounts', async () => {
  const pool = ['dora', 'Dora', 'ｄora', 'd@a.example', 'D@A.example', 'dóra', 'do\u0301ra', 'x@b.example']
  const account = fc.record({
    username: fc.constantFrom(...pool),
    tenant: fc.constantFrom(undefined, 'acme', 'globex'),
    email: fc.constantFrom(undefined, 'd@a.example', 'D@a.example', 'x@b.example'),
    emailVerified: fc.boolean(),
    chosenByUser: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(account, { minLength: 2, maxLength: 8 }), async accounts => {
      const server = await createTestServer({ ...world, accounts: {} })
      await Promise.all(
        accounts.map(({ tenant, email, ...one }) =>
          server.accounts.add({ ...one, ...(tenant && { tenant }), ...(email && { email }) }),
        ),
      )
      const owners = new Map<string, string>()
      for (const user of await server.stores.storedUsers.list({ limit: 100 }))
        for (const key of [
          user.username_key,
          ...(user.email_verified_at === undefined ? [] : [user.email_key]),
        ]) {
          const place = JSON.stringify([user.tenant, key])
          assert.equal(owners.get(place) ?? user.sub, user.sub, place)
          owners.set(place, user.sub)
        }
      await server.close()
    }),
    { numRuns: 20 },
  )
})

test('identities: tenants, providers and clients are compared exactly', async () => {
  const server = await createTestServer(world)
  const variants = (name: string) =>
    [
      name.toUpperCase(),
      `${name} `,
      `${name}\u200b`,
      name.replace('a', 'а'),
      `ａ${name.slice(1)}`,
      `${name}%00`,
    ].filter(one => one !== name)
  const ask = (form: object, client: readonly [string, string] = ['roclient', secret]) =>
    server.token(
      { grant_type: 'password', username: 'carol', password: 'carol', scope: 'api1', ...form },
      { client },
    )
  assert.equal((await ask({ acr_values: 'tenant:acme' })).status, 200)
  for (const tenant of variants('acme').filter(one => one !== 'acme '))
    assert.notEqual((await ask({ acr_values: `tenant:${tenant}` })).status, 200, tenant)
  for (const idp of variants('local').filter(one => one !== 'local '))
    assert.notEqual((await ask({ acr_values: `tenant:acme idp:${idp}` })).status, 200, idp)
  for (const id of variants('roclient'))
    assert.notEqual((await ask({ acr_values: 'tenant:acme' }, [id, secret])).status, 200, id)
})
