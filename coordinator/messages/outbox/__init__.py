"""The outbox at work: `packing` puts deliveries into a parcel, `carrying` hands the parcel to the world."""
