/** The reader of migrations: what was read, what became of it, and what nobody looked at. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Draft } from '../../packages/server/src/migration/draft.ts'
import { migrate } from '../../packages/server/src/migration/migrate.ts'
import { reportText } from '../../packages/server/src/migration/report-text.ts'
import type { Dialect, Source } from '../../packages/server/src/migration/source.ts'
import { userProblems } from '../../packages/server/src/migration/user.ts'
import { mostMemberships } from '../../packages/server/src/model/membership.ts'
import { at } from './fixtures.ts'

const migrated = (value: unknown, read: (source: Source, draft: Draft) => void, dialect: Dialect = {}) =>
  migrate({ dialect, read: ([source], draft) => read(source!, draft) }, [{ name: 'file', value }], at)

test('migration: a member without an outcome is reported, whether it was read or not', () => {
  const { lines } = migrated({ read: 1, unread: { below: 1 }, open: { deep: [1] }, none: null }, source => {
    source.member('read').integer()
    source.member('open').member('deep').list()
  })
  assert.deepEqual(
    lines.map(({ outcome, source }) => [outcome, source.join('.')]),
    [
      ['not_possible', 'read'],
      ['not_possible', 'unread'],
      ['not_possible', 'open.deep.0'],
      ['not_needed', 'none'],
    ],
  )
})

test('migration: a value of another type is reported with the type, and without the value', () => {
  const { lines } = migrated({ text: 1, flag: 'true', list: {}, object: 'secret', number: 1.5 }, source => {
    source.member('text').text()
    source.member('flag').flag()
    source.member('list').list()
    source.member('object').member('below').text()
    source.member('number').integer()
  })
  assert.deepEqual(
    lines.map(({ why }) => why),
    [
      'it is a number; expected a string',
      'it is a string; expected true or false',
      'it is an object; expected a list',
      'it is a string; expected an object',
      'it is a number; expected a whole number',
    ],
  )
})

test('migration: a dialect ignores case and reads numbers from texts; a second spelling is reported', () => {
  const dialect = { ignoreCase: true, textValues: true }
  const value = { LIFETIME: '3600', on: 'True', ON: false }
  const { lines } = migrated(
    value,
    source => {
      const lifetime = source.member('Lifetime')
      assert.equal(lifetime.integer(), 3600)
      lifetime.notNeeded('checked')
      assert.equal(source.member('on').flag(), true)
      source.member('on').notNeeded('checked')
    },
    dialect,
  )
  assert.deepEqual(
    lines.map(({ outcome, source }) => [outcome, source[0]]),
    [
      ['not_needed', 'LIFETIME'],
      ['not_needed', 'on'],
      ['not_possible', 'ON'],
    ],
  )
})

test('migration: what the configuration refuses is removed and reported, and the report follows the entries', () => {
  const { configuration, lines } = migrated(['bad id\u0007', 'a', 'b'], (source, draft) => {
    for (const id of source.list()) {
      const client = draft.add('clients')
      client.set('client_id', id.text())
      id.carriedOver(client.at('client_id'))
      client.set('grant_types', ['client_credentials', 'nonsense'])
      client.set('client_secrets', [{ value: 'a-long-enough-secret' }])
      client.set('scope', ['missing', 'openid'])
    }
  })
  const clients = configuration.clients as readonly Record<string, unknown>[]
  assert.deepEqual(
    clients.map(({ client_id, scope, grant_types }) => ({ client_id, scope, grant_types })),
    ['a', 'b'].map(client_id => ({ client_id, scope: 'openid', grant_types: ['client_credentials'] })),
  )
  const ofIds = lines.filter(({ source }) => source.length === 1)
  assert.deepEqual(
    ofIds.map(({ outcome, target }) => [outcome, target?.join('.')]),
    [
      ['not_possible', undefined],
      ['carried_over', 'clients.0.client_id'],
      ['carried_over', 'clients.1.client_id'],
    ],
  )
  assert.match(reportText({ ...empty, lines }), /no identity resource or API scope has this name/)
})

test('migration: of an entry that is left out, the report names the key that it lacks, or why that was removed', () => {
  const { configuration, lines } = migrated(
    [{ id: 'kept' }, { name: 'no id' }, { id: 'certified', method: 'tls_client_auth' }],
    (source, draft) => {
      for (const one of source.list()) {
        const client = draft.add('clients')
        for (const [name, key] of [
          ['id', 'client_id'],
          ['name', 'client_name'],
          ['method', 'token_endpoint_auth_method'],
        ] as const) {
          client.set(key, one.member(name).whole())
          one.member(name).carriedOver(client.at(key))
        }
        client.set('grant_types', ['client_credentials'])
        if (one.member('method').whole() === undefined)
          client.set('client_secrets', [{ value: 'a-long-enough-secret' }])
        else client.set('tls_client_auth_subject_dn', 'CN=client')
      }
    },
  )
  assert.deepEqual(
    (configuration.clients as any[]).map(({ client_id }) => client_id),
    ['kept'],
  )
  const why = (index: number, name: string) =>
    lines.find(({ source }) => source[0] === index && source[1] === name)?.why ?? ''
  assert.match(why(1, 'name'), /^client_id: it is missing/)
  assert.match(why(2, 'method'), /^"tls_client_auth" needs client certificates/)
  assert.equal(why(2, 'id'), why(2, 'method'))
})

test('migration: a client whose only provider is left out is disabled, because an empty list allows all', () => {
  const { configuration, lines } = migrated(['one'], (_, draft) => {
    for (const names of [['gone'], ['gone', 'corp']]) {
      const client = draft.add('clients')
      client.set('client_id', names.join('-'))
      client.set('grant_types', ['client_credentials'])
      client.set('client_secrets', [{ value: 'a-long-enough-secret' }])
      client.set('identity_provider_restrictions', names)
    }
    const provider = draft.add('identity_providers')
    const corp = {
      name: 'corp',
      type: 'oidc',
      issuer: 'https://corp.example',
      client_id: 'c',
      client_secret: 's',
    }
    for (const [key, value] of Object.entries(corp)) provider.set(key, value)
  })
  assert.deepEqual(
    (configuration.clients as any[]).map(({ enabled, identity_provider_restrictions: names }) => [
      enabled,
      names,
    ]),
    [
      [false, []],
      [undefined, ['corp']],
    ],
  )
  assert.match(reportText({ ...empty, lines }), /an empty list allows all, so the client is disabled/)
})

test('migration: a list may be an object in a dialect with keyed lists', () => {
  const value = { all: { a: 'x', b: null, c: { d: 'y' } }, users: { 0: { id: 1 } } }
  const read = (dialect: Parameters<typeof migrated>[2]) =>
    migrated(
      value,
      source => {
        for (const one of source.member('all').list()) one.notNeeded('checked')
        source.member('users').each(one => one.member('id').notNeeded('checked'))
      },
      dialect,
    ).lines.map(({ outcome, source }) => [outcome, source.join('.')])
  assert.deepEqual(read({ keyedLists: true }), [
    ['not_needed', 'all.a'],
    ['not_needed', 'all.c'],
    ['not_needed', 'users.0.id'],
    ['not_needed', 'all.b'],
  ])
  assert.deepEqual(read({}), [
    ['not_possible', 'all'],
    ['not_possible', 'users'],
  ])
})

const empty = { configuration: {}, users: [], variables: [] }

test('migration: a report shows control characters of names, and joins lines that differ only by index', () => {
  const { lines } = migrated({ list: ['a', 'b'], 'x\u001B[2J': 1 }, source => {
    for (const one of source.member('list').list()) one.notNeeded('checked')
  })
  assert.equal(
    reportText({ ...empty, lines }),
    [
      'not needed    list[*] (2 times): checked',
      'not possible  x\\u{1b}[2J: the importer does not know it',
      '',
    ].join('\n'),
  )
})

test('migration: a list that is read with each reports the same as one that is read with list', () => {
  const value = { users: [{ name: 'a', other: 1 }, null, 'b'] }
  const name = (user: Source) => user.member('name').notNeeded('checked')
  const all = migrated(value, source => {
    for (const user of source.member('users').list()) name(user)
  })
  const each = migrated(value, source => source.member('users').each(name))
  const shown = (lines: typeof all.lines) =>
    lines.map(({ outcome, source, why }) => `${outcome} ${source.join('.')} ${why}`).toSorted()
  assert.equal(each.lines.length, 4)
  assert.deepEqual(shown(each.lines), shown(all.lines))
})

test('migration: lines that need a decision are named one by one up to ten', () => {
  const reported = (count: number) =>
    reportText({
      ...empty,
      lines: migrated(
        Array.from({ length: count }, () => 1),
        source => {
          for (const one of source.list()) one.notPossible('no')
        },
      ).lines,
    })
  assert.equal(reported(10).split('\n').length, 11)
  assert.equal(reported(11), 'not possible  [*] (11 times): no\n')
})

test('migration: what the store would refuse of a user is named, and the limits themselves are accepted', () => {
  const valid = { sub: '1', username: 'alice' }
  const identity = { provider: 'corp', authority: 'https://corp.example', id: 'x' }
  const names = (count: number) => Array.from({ length: count }, (_, index) => `group ${index}`)
  const problemsOf = (...users: readonly object[]) =>
    userProblems(users.map(user => ({ ...valid, ...user }))).map(({ path }) => path.slice(1).join('.'))
  for (const accepted of [
    { sub: 'x'.repeat(255) },
    { username: 'x'.repeat(200) },
    { groups: names(mostMemberships) },
    { identities: [{ ...identity, id: 'x'.repeat(2000) }] },
    { totp_secret: 'A'.repeat(16) },
    { claims: { name: 'Alice' } },
  ])
    assert.deepEqual(problemsOf(accepted), [], JSON.stringify(accepted).slice(0, 60))
  for (const [key, refused] of [
    ['sub', { sub: 'x'.repeat(256) }],
    ['sub', { sub: 'Zoë' }],
    // Users of identity providers have such ones.
    ['sub', { sub: `fed_${'x'.repeat(43)}` }],
    ['username', { username: 'x'.repeat(201) }],
    ['username', { username: '' }],
    ['email', { email: 'alice' }],
    ['email_verified', { email_verified: 'yes' }],
    ['disabled', { disabled: 'no' }],
    ['claims.iss', { claims: { iss: 'https://evil.example' } }],
    ['claims.sub', { claims: { name: 'Alice', sub: '2' } }],
    ['groups', { groups: names(mostMemberships + 1) }],
    ['roles', { roles: ['two\nlines'] }],
    ['identities', { identities: [{ ...identity, id: 'x'.repeat(2001) }] }],
    ['identities', { identities: [{ ...identity, id: '' }] }],
    ['identities', { identities: [{ ...identity, authority: undefined }] }],
    ['totp_secret', { totp_secret: 'A'.repeat(15) }],
    ['totp_secret', { totp_secret: 'a'.repeat(16) }],
    ['password_hash', { password_hash: 'hunter2' }],
  ] as const)
    assert.deepEqual(problemsOf(refused), [`0.${key}`], JSON.stringify(refused).slice(0, 60))
})

test('migration: of users with the same sub, name or verified address, the first one is kept', () => {
  const problemOf = (one: object, other: object) =>
    userProblems([one as never, other as never]).map(({ problem }) => problem)
  const alice = { sub: '1', username: 'alice' }
  const email = 'alice@example.com'
  assert.deepEqual(problemOf(alice, { sub: '1', username: 'bob' }), ['an earlier user has the same sub'])
  assert.deepEqual(problemOf(alice, { sub: '2', username: ' ALICE' }), [
    'an earlier user has the same username',
  ])
  const verified = { ...alice, email, email_verified: true }
  const taken = ['an earlier user has the same address']
  assert.deepEqual(problemOf(verified, { sub: '2', username: 'bob', email, email_verified: true }), taken)
  assert.deepEqual(problemOf(verified, { sub: '2', username: 'bob', email }), [])
  // Their own name is not that of an earlier user.
  assert.deepEqual(problemOf(alice, { sub: '2', username: email, email, email_verified: true }), [])
})
