// Runs in a hidden frame of a client's page (OpenID Connect Session Management 1.0 §3.1, §3.2): is asked "client_id
// session_state" and answers whether that still fits the browser's sign-in here. Plain ES5, and a SHA-256 of its own:
// `crypto.subtle` is missing where the page around the frame is not secure, and in old browsers.
;(() => {
  var name = document.documentElement.getAttribute('data-cookie')

  function stateOfBrowser() {
    var pairs = document.cookie.split('; ')
    for (var i = 0; i < pairs.length; i++) {
      if (pairs[i].indexOf(name + '=') === 0) return pairs[i].slice(name.length + 1)
    }
    return ''
  }

  // FIPS 180-4 §4.2.2, §5.3.3: the first 32 bits of the fractional parts of roots of the first primes.
  var constants = []
  var initial = []
  for (var candidate = 2; constants.length < 64; candidate++) {
    var prime = true
    for (var factor = 2; factor * factor <= candidate; factor++) if (candidate % factor === 0) prime = false
    if (!prime) continue
    if (initial.length < 8) initial.push(bits(candidate ** (1 / 2)))
    constants.push(bits(candidate ** (1 / 3)))
  }
  function bits(root) {
    return ((root - Math.floor(root)) * 4294967296) | 0
  }
  function rotate(word, by) {
    return (word >>> by) | (word << (32 - by))
  }

  // Of ASCII text, in base64url.
  function sha256(text) {
    var length = text.length
    var words = []
    for (var i = 0; i < length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8)
    words[length >> 2] |= 0x80 << (24 - (length % 4) * 8)
    var count = (((length + 8) >> 6) + 1) * 16
    words[count - 1] = length * 8
    var state = initial.slice()
    for (var at = 0; at < count; at += 16) block(words, at, state)
    var bytes = ''
    for (var j = 0; j < 32; j++) bytes += String.fromCharCode((state[j >> 2] >>> (24 - (j % 4) * 8)) & 255)
    return btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
  }

  function block(words, at, state) {
    var w = []
    var s = state.slice()
    for (var i = 0; i < 64; i++) {
      if (i < 16) w[i] = words[at + i] | 0
      else {
        var x = w[i - 15]
        var y = w[i - 2]
        var low = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
        var high = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
        w[i] = (w[i - 16] + low + w[i - 7] + high) | 0
      }
      var one = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)
      var choice = (s[4] & s[5]) ^ (~s[4] & s[6])
      var first = (s[7] + one + choice + constants[i] + w[i]) | 0
      var zero = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)
      var majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2])
      s = [(first + zero + majority) | 0, s[0], s[1], s[2], (s[3] + first) | 0, s[4], s[5], s[6]]
    }
    for (var k = 0; k < 8; k++) state[k] = (state[k] + s[k]) | 0
  }

  function answer(question, origin) {
    // A client_id may hold spaces, a session_state none.
    var parts = /^(.+) ([\w-]{43})\.([\w-]{22})$/.exec(question)
    if (!parts) return 'error'
    var expected = sha256([parts[1], origin, stateOfBrowser(), parts[3]].join(' '))
    return expected === parts[2] ? 'unchanged' : 'changed'
  }

  window.addEventListener('message', event => {
    // A page without an origin can't be answered.
    if (!event.source || event.origin === 'null') return
    event.source.postMessage(answer(String(event.data), event.origin), event.origin)
  })
})()
