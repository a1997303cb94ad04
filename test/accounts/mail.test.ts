/** Mail: delivered to a submission server by SMTP and retried, without delaying a response. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { testMail } from '../../packages/server/src/app/administration.ts'
import { createLazyPages } from '../../packages/server/src/app/lazy-pages.ts'
import type { Services } from '../../packages/server/src/app/services.ts'
import type { Configuration } from '../../packages/server/src/configuration/configuration.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createSealing } from '../../packages/server/src/keys/sealing.ts'
import type { SendMail } from '../../packages/server/src/model/mail.ts'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { createMailQueue } from '../../packages/server/src/operations/mail/mail-queue.ts'
import { createSmtp } from '../../packages/server/src/operations/mail/smtp.ts'
import { sendTestMail } from '../../packages/server/src/operations/mail/test-mail.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { day } from '../contracts/stores/samples.ts'
import { accountsWorld, addUser, dora } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { beginShared, openStores } from '../support/storage.ts'
import { createTestServer, startOfTime } from '../support/tessera.ts'
import { inTime, until } from '../support/until.ts'

const mail = {
  to: 'dora@example.com',
  subject: 'Grüße',
  text: 'Hello',
  html: '<p>Hello</p>',
  link: 'https://id.example/x',
}

/** Replies that replace the usual ones, by command. */
type Replies = { readonly MAIL?: string; readonly RCPT?: string; readonly AUTH?: string }

/** A submission server that records its commands. */
async function startSmtp(t: TestContext, { refuses = false, unknown = false, replies = {} as Replies } = {}) {
  const lines: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    let data = false
    let rest = ''
    socket.write('220 mail.example\r\n')
    socket.on('data', chunk => {
      rest += chunk
      const whole = rest.split('\r\n')
      rest = whole.pop() ?? ''
      for (const line of whole) {
        lines.push(line)
        if (data) {
          if (line === '.') {
            data = false
            socket.write(refuses ? '451 later\r\n' : '250 taken\r\n')
          }
        } else if (line.startsWith('EHLO')) socket.write('250-mail.example\r\n250 AUTH PLAIN\r\n')
        else if (line.startsWith('AUTH')) socket.write(`${replies.AUTH ?? '235 welcome'}\r\n`)
        else if (line === 'DATA') {
          data = true
          socket.write('354 go on\r\n')
        } else if (line === 'STARTTLS') socket.write('502 not here\r\n')
        else if (line === 'QUIT') socket.end('221 bye\r\n')
        else if (unknown && line.startsWith('RCPT')) socket.write('550 nobody here\r\n')
        else if (replies[line.slice(0, 4) as 'MAIL'])
          socket.write(`${replies[line.slice(0, 4) as 'MAIL']}\r\n`)
        else socket.write('250 ok\r\n')
      }
    })
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { lines, port: (server.address() as AddressInfo).port }
}

const settings = (port: number) => ({
  from: 'Login <login@id.example>',
  smtp: { host: '127.0.0.1', port, secure: false, username: 'login', password: 'secret' },
})

test('mail: is delivered with its sender, both parts and the credentials [RFC 6409]', async t => {
  const smtp = await startSmtp(t)
  await createSmtp(settings(smtp.port))(mail)
  const said = smtp.lines.join('\n')
  assert.match(said, /^MAIL FROM:<login@id\.example>/m)
  assert.match(said, /^RCPT TO:<dora@example\.com>/m)
  assert.match(said, /^From: Login <login@id\.example>/m)
  assert.match(said, /^Subject: =\?UTF-8\?/m)
  assert.match(said, /multipart\/alternative/)
  const plain = Buffer.from(/^AUTH PLAIN (\S+)/m.exec(said)?.[1] ?? '', 'base64').toString()
  assert.equal(plain, '\0login\0secret')
})

test('mail: an address with line breaks adds no header and no recipient', async t => {
  const smtp = await startSmtp(t)
  const evil = 'dora@example.com\r\nBcc: evil@example.com'
  await createSmtp(settings(smtp.port))({ ...mail, to: evil, subject: 'x\r\nBcc: evil@example.com' }).catch(
    () => {},
  )
  assert.ok(!smtp.lines.some(line => /^(Bcc:|RCPT TO:<evil)/i.test(line)), smtp.lines.join('\n'))
})

test('mail: a server without TLS gets neither mail nor password, except on loopback [RFC 8314 §4.1]', async t => {
  const smtp = await startSmtp(t)
  const { smtp: server, from } = settings(smtp.port)
  // The same machine by a name that does not count as loopback.
  const send = createSmtp({ from, smtp: { ...server, host: '::ffff:127.0.0.1' } })
  await assert.rejects(send(mail), /TLS/)
  assert.ok(smtp.lines.some(line => line.startsWith('EHLO')))
  assert.ok(!smtp.lines.some(line => /^(AUTH|MAIL)/.test(line)))
})

test('mail: a server that was named at run time is not reached at a private address, unless it is allowed', async t => {
  const smtp = await startSmtp(t)
  const { smtp: server, from } = settings(smtp.port)
  const sendTo = (host: string, allowed_private_networks: readonly string[]) =>
    createSmtp({ from, smtp: { ...server, host, allowed_private_networks } })(mail)
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '::1', '[::1]', '::ffff:127.0.0.1', '0.0.0.0'])
    await assert.rejects(sendTo(host, ['10.0.0.0/8']), { code: 'outbound_address_private' }, host)
  await assert.rejects(sendTo('nothing.invalid', []), { code: 'outbound_name_unknown' })
  assert.equal(smtp.lines.length, 0)
  await sendTo('localhost', ['127.0.0.0/8', '::1'])
  assert.ok(smtp.lines.includes('RCPT TO:<dora@example.com>'))
})

const log = () => {
  const events: string[] = []
  const note = (event: string) => void events.push(event)
  return { events, log: { debug: note, info: note, warn: note, error: note } }
}

const start = 1_790_000_000

/** A mail queue with its own store, or with that of another. */
async function createTestPost(send: SendMail, given?: Pick<Stores, 'waitingMails'>) {
  const stores = given ?? (await openStores())
  const { events, log: ours } = log()
  const clock = {
    at: start,
    now: () => clock.at,
    advance: (seconds: number) => {
      clock.at += seconds
    },
  }
  const derived = createDerivedKeys(Buffer.alloc(32, 5))
  const sealing = createSealing({ derived, purpose: 'mail' })
  const post = createMailQueue({ stores, sealing, send, clock, random: createRandom(), log: ours })
  return { ...post, stores, clock, events }
}

const outgoing = { ...mail, lasts: 3600 }

test('mail: undelivered mail waits in the store, is retried, and is sent once', async t => {
  const smtp = await startSmtp(t, { refuses: true })
  let refused = true
  const sent: string[] = []
  const post = await createTestPost(async given => {
    if (refused) return createSmtp(settings(smtp.port))(given)
    sent.push(given.text)
  })
  post.send(async () => outgoing)
  await post.settled()
  await post.deliver()
  assert.equal(smtp.lines.filter(line => line === 'DATA').length, 1)
  post.clock.advance(10)
  await post.deliver()
  assert.deepEqual(post.events, ['mail_delayed', 'mail_delayed'])
  refused = false
  post.clock.advance(60)
  await Promise.all([post.deliver(), post.deliver()])
  await post.deliver()
  assert.deepEqual(sent, [mail.text])
  post.clock.advance(day)
  assert.equal(await post.stores.waitingMails.anyDue(post.clock.now()), false)
})

test('mail: is given up when its link has expired', async () => {
  const post = await createTestPost(() => Promise.reject(new Error('away')))
  post.send(async () => outgoing)
  await post.settled()
  for (let minutes = 0; minutes < 60; minutes++) {
    post.clock.advance(60)
    await post.deliver()
  }
  assert.deepEqual(post.events, [...Array(4).fill('mail_delayed'), 'mail_failed'])
  assert.equal(await post.stores.waitingMails.anyDue(post.clock.now() + day), false)
})

test('mail: mail for an address without a mailbox is abandoned immediately', async t => {
  const smtp = await startSmtp(t, { unknown: true })
  const post = await createTestPost(createSmtp(settings(smtp.port)))
  post.send(async () => outgoing)
  await post.settled()
  assert.deepEqual(post.events, ['mail_failed'])
  assert.equal(await post.stores.waitingMails.anyDue(start + day), false)
})

test('mail: a temporary refusal, or one of the sender, is no reason to give up [RFC 5321 §4.2.1]', async t => {
  for (const [replies, isGivenUp] of [
    [{ RCPT: '450 mailbox busy' }, false],
    [{ RCPT: '499 later' }, false],
    [{ MAIL: '550 you may not' }, false],
    [{ RCPT: '500 nobody' }, true],
  ] as const) {
    const smtp = await startSmtp(t, { replies })
    const post = await createTestPost(createSmtp(settings(smtp.port)))
    post.send(async () => outgoing)
    await post.settled()
    assert.deepEqual(post.events, [isGivenUp ? 'mail_failed' : 'mail_delayed'], JSON.stringify(replies))
    assert.equal(await post.stores.waitingMails.anyDue(start + 600), !isGivenUp)
  }
})

test('mail: is retried until the second before its expiry', async () => {
  let isAway = true
  const sent: string[] = []
  const post = await createTestPost(async given => {
    if (isAway) throw new Error('away')
    sent.push(given.text)
  })
  // The next attempt would be in that second: the mail is given up.
  post.send(async () => ({ ...mail, lasts: 10 }))
  await post.settled()
  assert.deepEqual(post.events.splice(0), ['mail_failed'])
  post.send(async () => ({ ...mail, lasts: 11 }))
  await post.settled()
  assert.deepEqual(post.events.splice(0), ['mail_delayed'])
  isAway = false
  post.clock.advance(11)
  await post.deliver()
  assert.deepEqual([sent, post.events], [[], []])
  assert.equal(await post.stores.waitingMails.anyDue(start + day), false)
  isAway = true
  post.send(async () => ({ ...mail, lasts: 11 }))
  await post.settled()
  isAway = false
  post.clock.advance(10)
  await post.deliver()
  assert.deepEqual(sent, [mail.text])
})

test('mail: is sealed in the store, with its address and link', async () => {
  const post = await createTestPost(() => Promise.reject(new Error('away')))
  post.send(async () => outgoing)
  await post.settled()
  const [waiting] = await post.stores.waitingMails.claim(start + 10, start + 20, 1)
  const bytes = Buffer.from(waiting?.sealed ?? [])
  assert.ok(bytes.length > 0)
  for (const text of [mail.to, mail.link, mail.text, 'example']) assert.equal(bytes.includes(text), false)
})

test('mail: of a process that died while sending is sent by another when its claim has expired', async () => {
  const dead = await createTestPost(() => new Promise(() => {}))
  dead.send(async () => outgoing)
  await until('the mail waits', () => dead.stores.waitingMails.anyDue(start + 1000))
  await setImmediate()
  const sent: string[] = []
  const other = await createTestPost(async ({ to }) => void sent.push(to), dead.stores)
  other.clock.advance(299)
  await other.deliver()
  assert.deepEqual(sent, [])
  other.clock.advance(1)
  await other.deliver()
  assert.deepEqual(sent, [mail.to])
})

test('mail: survives the server that wrote it, and one of two servers sends it', async () => {
  const { open } = await beginShared()
  const first = await open()
  const before = await createTestServer(accountsWorld(), {
    tenantStores: first,
    sendMail: () => Promise.reject(new Error('away')),
  })
  await addUser(before)
  const browser = createBrowser(before)
  await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
  await before.settled()
  await before.close()
  await first.close()

  const [one, two] = await Promise.all([open(), open()])
  const servers = await Promise.all(
    [one, two].map(tenantStores => createTestServer(accountsWorld(), { tenantStores, at: startOfTime + 10 })),
  )
  await Promise.all(servers.map(server => server.runMails()))
  const mails = (await Promise.all(servers.map(server => server.mails()))).flat()
  assert.deepEqual(
    mails.map(({ to }) => to),
    [dora.email],
  )
  // The link is as valid as if the mail had arrived at once.
  const [server] = servers
  assert.ok(server)
  const { pathname, search } = new URL(mails[0]?.link ?? '')
  const owner = createBrowser(server)
  const done = await owner.submit(await owner.visit(pathname + search), {
    new_password: 'eleven green bottles',
  })
  assert.match(done.text, /Your password was changed/)
  await Promise.all(servers.map(each => each.close()))
})

test('mail: an unresponsive submission server does not prevent storing, and all mail is sent when it is back', async () => {
  const back = Promise.withResolvers<void>()
  let sent = 0
  const post = await createTestPost(async () => {
    await back.promise
    sent++
  })
  let composed = 0
  for (let count = 1; count <= 300; count++) {
    post.send(async () => {
      composed++
      return outgoing
    })
    await until(`mail ${count} is stored`, () => composed === count, { every: 1 })
    await setImmediate()
  }
  assert.deepEqual([sent, post.events], [0, []])
  back.resolve()
  await post.settled()
  assert.deepEqual([sent, post.events], [300, []])
})

test('mail: one that the submission server does not finish does not delay others', async () => {
  const sent: string[] = []
  const post = await createTestPost(({ to }) =>
    to === 'stuck@example.com' ? new Promise(() => {}) : Promise.resolve(void sent.push(to)),
  )
  const addresses = [
    'stuck@example.com',
    ...Array.from({ length: 12 }, (_, count) => `u${count}@example.com`),
  ]
  for (const [index, to] of addresses.entries()) {
    let composed = false
    post.send(async () => {
      composed = true
      return { ...outgoing, to }
    })
    await until(`mail ${index} is stored`, () => composed, { every: 1 })
  }
  await until('all others are sent', () => sent.length === 12)
  assert.deepEqual(new Set(sent), new Set(addresses.slice(1)))
})

test('mail: closing does not wait for an unresponsive submission server, and leaves the rest in the store', async () => {
  const begun: string[] = []
  const post = await createTestPost(({ to }) => {
    begun.push(to)
    return new Promise(() => {})
  })
  for (let count = 0; count < 6; count++)
    post.send(async () => ({ ...outgoing, to: `u${count}@example.com` }))
  await until('four are in progress', () => begun.length === 4)
  await inTime('closing ends', post.close(), { within: 20_000 })
  // Nothing is claimed after that.
  void post.deliver()
  await setImmediate()
  assert.equal(begun.length, 4)
  const sent: string[] = []
  const other = await createTestPost(async ({ to }) => void sent.push(to), post.stores)
  await other.deliver()
  assert.equal(sent.length, 2)
  other.clock.advance(300)
  await other.deliver()
  assert.equal(sent.length, 6)
})

test('mail: the number in progress is limited, and mail beyond it is logged and dropped', async () => {
  let sent = 0
  const post = await createTestPost(async () => void sent++)
  for (let count = 0; count < 205; count++) post.send(async () => outgoing)
  post.send(async () => undefined)
  await post.settled()
  assert.deepEqual([sent, post.events.length], [200, 6])
})

test('mail: a full queue says why it is full, without addresses, on one line for many emails', async () => {
  const lines: { event: string; fields: Record<string, unknown> }[] = []
  const note = (event: string, fields = {}) => void lines.push({ event, fields })
  const { waitingMails } = await openStores()
  let isFull = false
  let lost = 0
  const add: typeof waitingMails.add = async (waiting, most) => !isFull && waitingMails.add(waiting, most)
  const queue = createMailQueue({
    stores: { waitingMails: { ...waitingMails, add } },
    sealing: createSealing({ derived: createDerivedKeys(Buffer.alloc(32, 5)), purpose: 'mail' }),
    send: () =>
      Promise.reject(new Error('451 4.7.1 <dora@example.com>: greylisted, ask postmaster@example.org')),
    clock: { now: () => start },
    random: createRandom(),
    log: { debug: note, info: note, warn: note, error: note },
  })
  queue.send(async () => outgoing)
  await queue.settled()
  const cause = 'Error: 451 4.7.1 <***@example.com>: greylisted, ask ***@example.org'
  assert.deepEqual([lines[0]?.event, lines[0]?.fields.error], ['mail_delayed', cause])
  isFull = true
  for (let count = 0; count < 3; count++)
    queue.send(
      async () => outgoing,
      async () => void lost++,
    )
  await queue.settled()
  assert.equal(lost, 3)
  assert.deepEqual(lines.slice(1), [
    { event: 'mail_failed', fields: { error: '10000 emails are waiting', cause, mails: 1 } },
  ])
})

test('mail: an error of any length is logged in part, and is not searched for addresses as a whole', async () => {
  const errors: unknown[] = []
  const note = (_: string, { error }: { error?: unknown } = {}) => void errors.push(error)
  const { waitingMails } = await openStores()
  const queue = createMailQueue({
    stores: { waitingMails },
    sealing: createSealing({ derived: createDerivedKeys(Buffer.alloc(32, 5)), purpose: 'mail' }),
    // Masking the addresses in all of it would take minutes.
    send: () => Promise.reject(new Error('5'.repeat(300_000))),
    clock: { now: () => start },
    random: createRandom(),
    log: { debug: note, info: note, warn: note, error: note },
  })
  queue.send(async () => outgoing)
  await queue.settled()
  assert.deepEqual(errors, [`Error: ${'5'.repeat(993)}`])
})

test('mail: closing claims no more after a second, and waits until what was sent is recorded', async t => {
  const accepted: (() => void)[] = []
  const post = await createTestPost(() => new Promise(resolve => accepted.push(resolve)))
  for (let count = 0; count < 6; count++)
    post.send(async () => ({ ...outgoing, to: `u${count}@example.com` }))
  await until('four are in progress', () => accepted.length === 4)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const closed = post.close()
  await setImmediate()
  t.mock.timers.tick(1000)
  await setImmediate()
  t.mock.timers.tick(3999)
  await setImmediate()
  for (const accept of accepted) accept()
  await closed
  assert.equal(accepted.length, 4)
  assert.equal((await post.stores.waitingMails.claim(start + 400, start + 800, 10)).length, 2)
})

test('mail: closing waits for a query of the store, and sends nothing afterwards', async () => {
  let answer = (_due: boolean): void => {}
  let queries = 0
  const anyDue = () => {
    queries++
    return new Promise<boolean>(resolve => {
      answer = resolve
    })
  }
  const context = { stores: { waitingMails: { anyDue } }, clock: { now: () => start } }
  // The page services are not provided, so composing a mail would reject.
  const pages = createLazyPages({} as Configuration, { context } as unknown as Services)
  const delivered = Promise.all([pages.deliverMail(), pages.deliverMail()])
  let isClosed = false
  const closed = pages.closeMail().then(() => {
    isClosed = true
  })
  await setImmediate()
  assert.deepEqual([queries, isClosed], [1, false])
  answer(true)
  await inTime('both end', Promise.all([delivered, closed]))
  await pages.deliverMail()
  assert.equal(queries, 1)
})

test('test mail: it is sent once, with the issuer in its text', async t => {
  const { lines, port } = await startSmtp(t)
  const sent = await sendTestMail(settings(port), { to: 'op@example.com', issuer: 'https://id.example' })
  assert.deepEqual(sent, { ok: true, server: `127.0.0.1:${port}` })
  assert.ok(lines.includes('RCPT TO:<op@example.com>'))
  assert.match(lines.join('\n'), /mail settings of https:\/\/id\.example/)
  assert.equal(lines.filter(line => line === 'DATA').length, 1)
})

for (const [what, replies, problem, fix] of [
  ['a wrong password', { AUTH: '535 no secret for you' }, /535 no \*\*\* for you/, /mail\.smtp\.password/],
  ['a refused sender', { MAIL: '553 not your address' }, /553 not your address/, /mail\.from/],
  ['a refused recipient', { RCPT: '550 nobody here' }, /refused the recipient/, /see the message/],
] as const)
  test(`test mail: ${what} is reported with what to check, without the password`, async t => {
    const { port } = await startSmtp(t, { replies })
    const sent = await sendTestMail(settings(port), { to: 'op@example.com', issuer: 'https://id.example' })
    assert.ok(!sent.ok)
    assert.match(sent.problem, problem)
    assert.match(sent.fix, fix)
    assert.doesNotMatch(sent.problem, /secret/)
  })

test('mail: no error contains the password that a submission server repeats, in any encoding of AUTH [RFC 4616 §2]', async t => {
  const secret = 'hunter2-of-mail'
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const plain = base64(`\0tessera\0${secret}`)
  for (const said of [
    secret,
    base64(secret),
    plain,
    `unknown command AUTH PLAIN ${plain}`,
    `unknown command AUTH PLAIN ${plain.slice(0, 24)}`,
  ]) {
    const { port } = await startSmtp(t, { replies: { AUTH: `535 refused: ${said}` } })
    const { from, smtp } = settings(port)
    const own = { from, smtp: { ...smtp, username: 'tessera', password: secret } }
    await assert.rejects(createSmtp(own)(mail), (error: Error & { readonly code?: unknown }) => {
      const shown = `${error} ${error.stack} ${JSON.stringify(error)}`
      for (const hidden of [secret, base64(secret).slice(0, 8), plain.slice(0, 24)])
        assert.ok(!shown.includes(hidden), shown)
      assert.match(shown, /535 refused: .*\*\*\*/)
      return error.code === 'EAUTH'
    })
  }
})

test('test mail: a server that nobody can connect to is reported with the host and port', async t => {
  const { port } = await startSmtp(t)
  const closed = { ...settings(port), smtp: { ...settings(port).smtp, port: 1 } }
  const sent = await sendTestMail(closed, { to: 'op@example.com', issuer: 'https://id.example' })
  assert.ok(!sent.ok)
  assert.match(sent.problem, /ECONNREFUSED/)
  assert.match(sent.fix, /may connect to 127\.0\.0\.1:1,/)
})

test('test mail: a malformed address and an issuer without mail are reported', async () => {
  const { configuration } = await createTestServer(accountsWorld())
  for (const [given, to, problem] of [
    [configuration, 'op@example.com, eve@example.com', /is no email address/],
    [{ ...configuration, mail: undefined }, 'op@example.com', /mail is not configured/],
  ] as const) {
    const sent = await testMail(given as Configuration, to)
    assert.ok(!sent.ok)
    assert.match(sent.problem, problem)
  }
})
