import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { hmacSha256 } from '../../packages/server/src/runtime/hmac.ts'

test('runtime: the MACs of the published vectors are correct [RFC 4231 §4.2, §4.3, §4.7]', () => {
  const vectors = [
    {
      key: Buffer.alloc(20, 0x0b),
      message: 'Hi There',
      mac: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    },
    {
      key: Buffer.from('Jefe'),
      message: 'what do ya want for nothing?',
      mac: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    },
    {
      key: Buffer.alloc(131, 0xaa),
      message: 'Test Using Larger Than Block-Size Key - Hash Key First',
      mac: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    },
  ]
  for (const { key, message, mac } of vectors)
    assert.equal(hmacSha256(key, Buffer.from(message)).toString('hex'), mac)
})

test('runtime: keys and messages of every length up to three blocks have the MACs of OpenSSL', () => {
  for (let length = 0; length <= 192; length++) {
    const key = new Uint8Array(length).map((_, at) => length * 31 + at * 7)
    const message = new Uint8Array(192 - length).map((_, at) => at * 13 + length)
    const expected = createHmac('sha256', key).update(message).digest('hex')
    assert.equal(hmacSha256(key, message).toString('hex'), expected)
    // Again, with the blocks that were kept for the key.
    assert.equal(hmacSha256(key, message).toString('hex'), expected)
  }
})
