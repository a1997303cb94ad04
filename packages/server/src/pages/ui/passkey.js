/**
 * Asks the browser for a passkey and posts the result with the form that contains the button (WebAuthn Level 3 §5).
 * Only an enhancement: a form that it does not wake stays hidden, and the page's other ways need no script.
 */

const bytesOf = text =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))
const textOf = buffer =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '')
const withBytes = list => list?.map(entry => ({ ...entry, id: bytesOf(entry.id) }))

const publicKeyOf = options => ({
  ...options,
  challenge: bytesOf(options.challenge),
  ...(options.user && { user: { ...options.user, id: bytesOf(options.user.id) } }),
  ...(options.allowCredentials && { allowCredentials: withBytes(options.allowCredentials) }),
  ...(options.excludeCredentials && { excludeCredentials: withBytes(options.excludeCredentials) }),
})

function jsonOf({ id, rawId, type, response, authenticatorAttachment }) {
  const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = response
  const encoded = { clientDataJSON, attestationObject, authenticatorData, signature, userHandle }
  return JSON.stringify({
    id,
    rawId: textOf(rawId),
    type,
    authenticatorAttachment: authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
    response: {
      ...Object.fromEntries(
        Object.entries(encoded)
          .filter(([, value]) => value)
          .map(([name, value]) => [name, textOf(value)]),
      ),
      ...(response.getTransports && { transports: response.getTransports() }),
    },
  })
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!window.PublicKeyCredential) break
  const creates = form.dataset.passkey === 'create'
  const publicKey = publicKeyOf(JSON.parse(form.dataset.options))
  const button = form.querySelector('button[value^="passkey"]')
  const problem = form.querySelector('[data-passkey-problem]')
  let waiting = new AbortController()

  const send = credential => {
    form.elements.credential.value = jsonOf(credential)
    form.requestSubmit(button)
  }
  const ask = async mediation => {
    waiting.abort()
    waiting = new AbortController()
    const { signal } = waiting
    try {
      send(
        await (creates
          ? navigator.credentials.create({ publicKey, signal })
          : navigator.credentials.get({ publicKey, signal, ...(mediation && { mediation }) })),
      )
    } catch {
      if (!signal.aborted && !mediation) problem.hidden = false
    }
  }

  form.hidden = false
  form.addEventListener('submit', event => {
    if (event.submitter !== button || form.elements.credential.value !== '') return
    event.preventDefault()
    problem.hidden = true
    ask()
  })
  // The browser offers passkeys among its suggestions for the user name.
  if (form.dataset.conditional !== undefined && PublicKeyCredential.isConditionalMediationAvailable)
    PublicKeyCredential.isConditionalMediationAvailable().then(able => able && ask('conditional'))
}
for (const hint of document.querySelectorAll('[data-without-passkeys]'))
  hint.hidden = Boolean(window.PublicKeyCredential)
