//! Other toolkits' programs and hostile peers against the receiver; one module per topic.
