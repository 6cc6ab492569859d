/**
 * Whether a program that a test needs is on this machine. Where it is not, one line says how to get it and the test is
 * left out; in CI nothing is left out, so there it is an error.
 */
export function has(program: string, howToGetIt: string) {
  if (Bun.which(program)) return true
  const sentence = `${program} is not on this machine; get it by: ${howToGetIt}`
  if (process.env.CI) throw new Error(sentence)
  console.warn(`left out: ${sentence}`)
  return false
}

export const hasMosquitto = () =>
  has('mosquitto_sub', 'apt-get install mosquitto-clients') && has('mosquitto_pub', 'apt-get install mosquitto-clients')
