/** QR codes (ISO/IEC 18004) as pictures within the page, for authenticator apps. */

/** An SVG picture as a `data:` URL. */
export async function qrCode(text: string): Promise<string> {
  const { default: qr } = await import('qrcode')
  const svg = await qr.toString(text, { type: 'svg', margin: 2, errorCorrectionLevel: 'M' })
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
}
