type Measured = { hub: { metrics: { page(): Promise<{ text: string }> } } }

/** A figure of the hub as Prometheus reads it; 0 where it has not been counted yet. */
export async function figure({ hub }: Measured, name: string) {
  const { text } = await hub.metrics.page()
  return figureIn(text, name)
}

/** A figure out of what Prometheus reads. */
export function figureIn(text: string, name: string) {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  return Number(line?.slice(name.length) ?? 0)
}

/** How often MQTT clients were refused or cut off for a reason. */
export const refusals = (hub: Measured, reason: string) => figure(hub, `updraft_refusals_total{over="mqtt",reason="${reason}"}`)
