/** Mail: handed on to a submission server by SMTP, tried again, and never at the cost of an answer. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createPost } from '../../packages/server/src/mail/post.ts'
import { createSmtp } from '../../packages/server/src/mail/smtp.ts'

const mail = {
  to: 'dora@example.com',
  subject: 'Grüße',
  text: 'Hello',
  html: '<p>Hello</p>',
  link: 'https://id.example/x',
}

/** A submission server that notes what it is told. */
async function startSmtp(t: TestContext, { refuses = false } = {}) {
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
        else if (line.startsWith('AUTH')) socket.write('235 welcome\r\n')
        else if (line === 'DATA') {
          data = true
          socket.write('354 go on\r\n')
        } else if (line === 'STARTTLS') socket.write('502 not here\r\n')
        else if (line === 'QUIT') socket.end('221 bye\r\n')
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

test('mail: is handed on with its sender, both its parts and the credentials [RFC 6409]', async t => {
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

test('mail: an address with line ends adds no header and no recipient', async t => {
  const smtp = await startSmtp(t)
  const evil = 'dora@example.com\r\nBcc: evil@example.com'
  await createSmtp(settings(smtp.port))({ ...mail, to: evil, subject: 'x\r\nBcc: evil@example.com' }).catch(
    () => {},
  )
  assert.ok(!smtp.lines.some(line => /^(Bcc:|RCPT TO:<evil)/i.test(line)), smtp.lines.join('\n'))
})

test('mail: a server that takes no TLS is given neither mail nor password, but on loopback [RFC 8314 §4.1]', async t => {
  const smtp = await startSmtp(t)
  const { smtp: server, from } = settings(smtp.port)
  // The same machine by a name that is not taken for it.
  const send = createSmtp({ from, smtp: { ...server, host: '::ffff:127.0.0.1' } })
  await assert.rejects(send(mail), /TLS/)
  assert.ok(smtp.lines.some(line => line.startsWith('EHLO')))
  assert.ok(!smtp.lines.some(line => /^(AUTH|MAIL)/.test(line)))
})

const log = () => {
  const events: string[] = []
  const note = (event: string) => void events.push(event)
  return { events, log: { debug: note, info: note, warn: note, error: note } }
}

test('mail: what can not be handed on is tried three times, then logged', async t => {
  const smtp = await startSmtp(t, { refuses: true })
  const { events, log: ours } = log()
  const post = createPost({ send: createSmtp(settings(smtp.port)), log: ours, pause: async () => {} })
  post.send(async () => mail)
  await post.settled()
  assert.deepEqual(events, ['mail_delayed', 'mail_delayed', 'mail_failed'])
  assert.equal(smtp.lines.filter(line => line === 'DATA').length, 3)
})

test('mail: only so many are under way, more are logged and dropped', async () => {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const { events, log: ours } = log()
  let sent = 0
  const send = async () => {
    await held
    sent++
  }
  const post = createPost({ send, log: ours })
  for (let count = 0; count < 205; count++) post.send(async () => mail)
  post.send(async () => undefined)
  release()
  await post.settled()
  assert.deepEqual([sent, events.length], [200, 6])
})
