/** Requests that the server sends: which addresses are allowed, and how much of a response is accepted. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createConnections } from 'node:net'
import { test } from 'node:test'
import { createAddressRule } from '../../packages/server/src/outbound/addresses.ts'
import { permittedAddresses } from '../../packages/server/src/outbound/hosts.ts'
import { createOutbound, type OutboundOptions } from '../../packages/server/src/outbound/outbound.ts'
import { inTime } from '../support/until.ts'

const loopback = { allowedPrivateNetworks: ['127.0.0.0/8', '::1'] }

/** Runs a server on loopback during `use`; returns the paths that were requested. */
async function withServer(
  listener: RequestListener,
  use: (port: number, asked: readonly string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    listener(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await use((server.address() as AddressInfo).port, asked)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const reasonOf = async (url: string, options?: OutboundOptions): Promise<string> => {
  const answer = await createOutbound(options)(url, { timeoutMs: 2000 })
  return answer.ok ? 'answered' : answer.reason
}

for (const address of [
  '127.0.0.1',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.31.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '0.0.0.0',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  '::ffff:10.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:0:10.0.0.1',
  '64:ff9b::a00:1',
  '64:ff9b:1::a00:1',
  '100::1',
  '100:0:0:1::1',
  '2001::1',
  '2001:1ff:ffff::1',
  '2001:db8::1',
  '2002:a00:1::',
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
]) {
  test(`outbound: ${address} is not public, and is called only if the operator allows it`, () => {
    assert.equal(createAddressRule().kindOf(address), undefined)
    assert.equal(createAddressRule([address]).kindOf(address), 'allowed')
  })
}

for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1111', '193.0.6.139'])
  test(`outbound: ${address} is public`, () => assert.equal(createAddressRule().kindOf(address), 'public'))

for (const [url, reason] of [
  ['https://127.0.0.1/', 'outbound_address_private'],
  ['https://2130706433/', 'outbound_address_private'],
  ['https://0x7f.1/', 'outbound_address_private'],
  ['https://[::1]/', 'outbound_address_private'],
  ['https://[::ffff:7f00:1]/', 'outbound_address_private'],
  ['http://8.8.8.8/', 'outbound_not_https'],
  ['ftp://8.8.8.8/', 'outbound_url_malformed'],
  ['file:///etc/hostname', 'outbound_url_malformed'],
  ['https://user:secret@8.8.8.8/', 'outbound_url_malformed'],
  ['https://user@8.8.8.8/', 'outbound_url_malformed'],
  ['https://:secret@8.8.8.8/', 'outbound_url_malformed'],
  ['no url', 'outbound_url_malformed'],
  [`https://8.8.8.8/${'x'.repeat(2100)}`, 'outbound_url_malformed'],
] as const) {
  test(`outbound: ${url.slice(0, 40)} is refused without a request: ${reason}`, async () => {
    assert.equal(await reasonOf(url), reason)
  })
}

/** The first and the last address of each range that is not public (IANA special-purpose registries). */
const ranges = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '239.255.255.255'],
  ['240.0.0.0', '255.255.255.255'],
  ['::', '::ffff:ffff'],
  ['::ffff:0:0', '::ffff:ffff:ffff'],
  ['::ffff:0:0:0', '::ffff:0:ffff:ffff'],
  ['64:ff9b::', '64:ff9b::ffff:ffff'],
  ['64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  ['100::', '100:0:0:1:ffff:ffff:ffff:ffff'],
  ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const

test('outbound: every special range is blocked from its first address to its last [RFC 6890]', () => {
  const rule = createAddressRule()
  for (const address of ranges.flat()) assert.equal(rule.kindOf(address), undefined, address)
  for (const beside of ['1.0.0.0', '9.255.255.255', '100.63.255.255', '100.128.0.0', '126.255.255.255'])
    assert.equal(rule.kindOf(beside), 'public', beside)
  for (const beside of [
    '169.253.255.255',
    '172.15.255.255',
    '192.0.1.0',
    '198.17.255.255',
    '223.255.255.255',
  ])
    assert.equal(rule.kindOf(beside), 'public', beside)
  for (const beside of ['2001:200::', '2003::', '2001:db7:ffff::', '3fff:1000::', 'fbff::'])
    assert.equal(rule.kindOf(beside), 'public', beside)
})

test('outbound: an invalid address is refused, whatever a resolver returns', async () => {
  for (const text of ['', 'localhost', '8.8.8', '8.8.8.8.8', '2606:4700::g'])
    assert.equal(createAddressRule(['10.0.0.0/8']).kindOf(text), undefined, text)
  const resolve = async () => ['elsewhere.example']
  assert.equal(await reasonOf('https://odd.example/', { resolve }), 'outbound_address_private')
})

test('outbound: without TLS, a name with both a public address and an allowed private one is refused', async () => {
  const resolve = async () => ['127.0.0.1', '93.184.216.34']
  assert.equal(await reasonOf('http://both.example/', { ...loopback, resolve }), 'outbound_not_https')
})

test('outbound: a name that has a private address among others is refused', async () => {
  const resolve = async () => ['93.184.216.34', '127.0.0.1']
  assert.equal(await reasonOf('https://rebound.example/', { resolve }), 'outbound_address_private')
})

test('outbound: the checked address is the one that is used, even if the name resolves differently later', async () => {
  await withServer(
    (_, response) => response.end('hello'),
    async (port, asked) => {
      let resolved = 0
      const resolve = async () => (resolved++ === 0 ? ['127.0.0.1'] : ['127.0.0.2'])
      const outbound = createOutbound({ ...loopback, resolve })
      const answer = await outbound(`http://name.example:${port}/a?b`)
      assert.deepEqual(answer.ok && [answer.status, answer.body], [200, 'hello'])
      assert.deepEqual(asked, ['GET /a?b'])
      assert.equal(resolved, 1)
    },
  )
})

test('outbound: an unknown name and a silent resolver are reported differently', async () => {
  const unknown = { resolve: () => Promise.reject(new Error('ENOTFOUND')) }
  assert.equal(await reasonOf('https://nowhere.example/', unknown), 'outbound_name_unknown')
  const nowhere = { resolve: async () => [] }
  assert.equal(await reasonOf('https://nowhere.example/', nowhere), 'outbound_name_unknown')
  const mute = createOutbound({ resolve: () => new Promise(() => {}) })
  const keep = setTimeout(() => {}, 10_000)
  const answer = await mute('https://slow.example/', { timeoutMs: 50 })
  clearTimeout(keep)
  assert.equal(!answer.ok && answer.reason, 'outbound_timeout')
})

test('outbound: a host of another protocol gets no connection if one of its addresses is private', async () => {
  const addresses = ['93.184.216.34', '10.0.0.1']
  const find = (allowed: readonly string[]) =>
    permittedAddresses('ldap.example', { allowed, timeoutMs: 60_000, resolve: async () => addresses })
  await assert.rejects(find([]), { code: 'outbound_address_private' })
  await assert.rejects(find(['10.0.0.2']), { code: 'outbound_address_private' })
  assert.deepEqual(await find(['10.0.0.1']), addresses)
})

test('outbound: redirects are followed only on request, and are checked again', async () => {
  await withServer(
    (request, response) => {
      const location = request.url === '/1' ? '/2' : request.url === '/2' ? 'https://10.0.0.1/' : '/1'
      response.writeHead(302, { location }).end()
    },
    async (port, asked) => {
      const outbound = createOutbound(loopback)
      const first = await outbound(`http://127.0.0.1:${port}/1`)
      assert.equal(first.ok && first.status, 302)
      const followed = await outbound(`http://127.0.0.1:${port}/1`, { maxRedirects: 5 })
      assert.equal(!followed.ok && followed.reason, 'outbound_address_private')
      assert.deepEqual(asked, ['GET /1', 'GET /1', 'GET /2'])
    },
  )
})

test('outbound: a redirect without a Location is returned as the response', async () => {
  for (const [status, location] of [
    [200, undefined],
    [200, '/elsewhere'],
    [299, '/elsewhere'],
    [302, undefined],
    [302, 'http://'],
    [400, '/elsewhere'],
    [404, '/elsewhere'],
  ] as const)
    await withServer(
      (_, response) => response.writeHead(status, { ...(location && { location }) }).end(),
      async (port, asked) => {
        const answer = await createOutbound(loopback)(`http://127.0.0.1:${port}/`, { maxRedirects: 3 })
        assert.deepEqual([answer.ok && answer.status, asked], [status, ['GET /']], `${status} ${location}`)
      },
    )
})

test('outbound: a response that is too large is not read further, and its connection is closed', async () => {
  let closed: () => void = () => {}
  const isClosed = new Promise<void>(resolve => {
    closed = resolve
  })
  await withServer(
    (request, response) => {
      request.socket.once('close', closed)
      response.write('x'.repeat(2000))
    },
    async port => {
      const answer = await createOutbound(loopback)(`http://127.0.0.1:${port}/`, { maxBytes: 1000 })
      assert.equal(!answer.ok && answer.reason, 'outbound_too_large')
      const late = AbortSignal.timeout(3000)
      const expired = new Promise<never>((_, reject) =>
        late.addEventListener('abort', () =>
          reject(new Error('the connection was not closed within 3 seconds')),
        ),
      )
      await Promise.race([isClosed, expired])
    },
  )
})

test('outbound: headers for one origin are not sent to another', async () => {
  let told: string | undefined = 'nothing'
  await withServer(
    (request, response) => {
      told = request.headers.authorization
      response.end()
    },
    async second =>
      withServer(
        (_, response) => response.writeHead(307, { location: `http://127.0.0.1:${second}/` }).end(),
        async first => {
          const answer = await createOutbound(loopback)(`http://127.0.0.1:${first}/`, {
            headers: { authorization: 'Bearer x' },
            maxRedirects: 1,
          })
          assert.equal(answer.ok && answer.status, 200)
        },
      ),
  )
  assert.equal(told, undefined)
})

test('outbound: a response that is too large, too slow or aborted is an error', async () => {
  await withServer(
    (request, response) => {
      if (request.url === '/large') response.end('x'.repeat(1001))
      else if (request.url === '/full') response.end('x'.repeat(1000))
      else if (request.url === '/broken') {
        response.writeHead(200, { 'content-length': '100' }).write('x')
        setTimeout(() => response.destroy(), 20)
      } else response.writeHead(200).write('a')
    },
    async port => {
      const ask = async (path: string) => {
        const answer = await createOutbound(loopback)(`http://127.0.0.1:${port}${path}`, {
          maxBytes: 1000,
          timeoutMs: 300,
        })
        return answer.ok ? 'answered' : answer.reason
      }
      assert.equal(await ask('/large'), 'outbound_too_large')
      assert.equal(await ask('/full'), 'answered')
      assert.equal(await ask('/broken'), 'outbound_failed')
      assert.equal(await ask('/slow'), 'outbound_timeout')
    },
  )
})

test('outbound: whatever a server sends, the request ends, a switch of protocols included', async () => {
  const ends = '\r\nContent-Length: 0\r\n\r\n'
  const responses: readonly (readonly [sent: string, outcome: string | number])[] = [
    ['', 'outbound_failed'],
    ['not HTTP\r\n\r\n', 'outbound_failed'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx', 'outbound_failed'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 101],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(3), 'outbound_failed'],
    [`HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK${ends}`, 200],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ', 'outbound_failed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'outbound_failed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n', 'outbound_failed'],
    [`HTTP/1.1 999 x${ends}`, 999],
    [`HTTP/1.1 302 Found\r\nLocation: http://[${ends}`, 302],
    [`HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y${ends}`, 200],
  ]
  let sent = ''
  const server = createConnections(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(sent))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    for (const [text, outcome] of responses) {
      sent = text
      const answer = await inTime('the request ends', createOutbound(loopback)(url, { maxRedirects: 2 }))
      assert.equal(answer.ok ? answer.status : answer.reason, outcome, text)
    }
  } finally {
    server.close()
  }
})

test('outbound: a POST arrives complete, with its headers', async () => {
  await withServer(
    (request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', text => {
        body += text
      })
      request.on('end', () => response.end(`${request.headers['content-type']} ${body}`))
    },
    async port => {
      const answer = await createOutbound(loopback)(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: 'grüß',
      })
      assert.equal(answer.ok && answer.body, 'text/plain grüß')
    },
  )
})

test('outbound: names that a stranger may have chosen are not resolved in the thread pool', async () => {
  const asked: string[] = []
  const outbound = createOutbound({
    resolve: async name => {
      asked.push(`system ${name}`)
      return []
    },
    resolveStranger: async name => {
      asked.push(`sockets ${name}`)
      return []
    },
  })
  for (const stranger of [true, false, undefined])
    await outbound('https://app.example/', stranger === undefined ? {} : { stranger })
  assert.deepEqual(asked, ['sockets app.example', 'system app.example', 'system app.example'])
})

test('outbound: a stranger’s name on this machine is resolved like any other', async () => {
  await withServer(
    (_, response) => response.end('here'),
    async port => {
      const answer = await createOutbound(loopback)(`http://localhost:${port}/`, { stranger: true })
      assert.ok(answer.ok)
      assert.equal(answer.body, 'here')
    },
  )
})

test('outbound: no compressed response is requested, whatever a caller asks for', async () => {
  await withServer(
    (request, response) => response.end(`${request.headers['accept-encoding']}`),
    async port => {
      const headers = { 'accept-encoding': 'gzip' }
      const answer = await createOutbound(loopback)(`http://127.0.0.1:${port}/`, { headers })
      assert.equal(answer.ok && answer.body, 'identity')
    },
  )
})

test('outbound: no connection is used again, because its address was checked for another request', async () => {
  const connections = new Set<unknown>()
  const listener: RequestListener = ({ socket }, response) => {
    connections.add(socket)
    response.end()
  }
  await withServer(listener, async port => {
    const outbound = createOutbound(loopback)
    for (const path of ['a', 'b']) assert.ok((await outbound(`http://127.0.0.1:${port}/${path}`)).ok)
    assert.equal(connections.size, 2)
  })
})
