//! Ids interned at start-up: small integers that index the checked site's tables, so that no string is
//! hashed, cloned or compared on the path of a reading. They mean nothing outside one run.

macro_rules! index_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id of the entry at `index` of its table.
            pub const fn new(index: usize) -> Self {
                Self(index as u32)
            }

            /// Where the entry stands in its table.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index_id!(
    /// A point of `Site::points`.
    PointId
);
index_id!(
    /// A device of `Site::devices`.
    DeviceId
);
index_id!(
    /// A link of `Site::links`.
    LinkId
);
index_id!(
    /// A hazard of `Site::hazards`.
    HazardId
);
index_id!(
    /// A rule of `Site::rules`, and so the alarm that it raises: each rule has exactly one.
    AlarmId
);
index_id!(
    /// An output of `Site::outputs`.
    OutputId
);
index_id!(
    /// A feeder of `Site::feeders`.
    FeederId
);
index_id!(
    /// A forwarder of `Site::forwarders`.
    ForwarderId
);
