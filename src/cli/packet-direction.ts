/** Where a packet is met: coming in at the uplink, going out there, or as a workload sends it. */
export const directions = ['ingress', 'egress', 'workload'] as const;

export type Direction = (typeof directions)[number];
